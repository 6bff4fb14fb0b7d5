"""A service in two versions, shifted, watched, rolled back, promoted and retired before one's eyes."""
