"""Code for the server and the computer: memory, idle kernels, and checks of the installation."""
