"""What people read: the report page and the files beside it."""
