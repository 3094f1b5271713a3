"""Contract F: OpenAI's API.

The formats are those of OpenAI's published description, https://github.com/openai/openai-openapi.
"""
