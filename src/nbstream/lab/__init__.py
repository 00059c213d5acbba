"""What looks at streams rather than shows them: record, take apart, draw, race.

The library does not need it: nothing below the face of the package imports it.
"""
