"""The pictures of the lessons, by what they are about."""
