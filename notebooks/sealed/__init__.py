"""What a lesson does not show before it is asked: outcomes, cases and solutions."""
