"""The commands of `offctl`, one file each: read arguments, call a room, print, exit."""
