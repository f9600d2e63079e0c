"""A hashing law over ``B3SUMS`` files."""
