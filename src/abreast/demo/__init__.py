"""The demonstration: a sample service in three versions under real load, shifted, rolled back and promoted."""
