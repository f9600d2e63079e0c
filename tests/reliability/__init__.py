"""Nothing lost: crashes, schedules, mutations, real kills."""
