"""For the server and the computer: memory, idle kernels, and what is wrong with an installation."""
