"""Tables with a time column, as people have them: a format is decided for a whole column, and written back as read."""
