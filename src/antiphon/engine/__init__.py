"""What happens to a message: submit, generate, commit, deliver, finish, recover."""
