"""One file a section of the page: from the inputs to blocks."""
