"""Work that several workers share, and that loses nothing when one of them dies."""
