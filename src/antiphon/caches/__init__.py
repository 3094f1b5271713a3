"""What is kept for a while to spare asking anew."""
