"""Detection of the words of a call that are to be masked: personal data of both speakers."""
