"""A fleet and its network as arrays: classes, links, local networks of attach nodes, kinds, resources."""
