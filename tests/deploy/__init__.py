"""What is under deploy/ is sound, and does what it says where a server here can show it."""
