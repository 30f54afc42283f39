"""Sockets, deadlines and time: the loop that holds conversations over connections, and addresses of names."""
