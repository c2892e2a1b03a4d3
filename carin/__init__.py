"""CARIn: which design to run on a device under its SLOs, and which to switch to when the device is disturbed.

Panopoulos et al., ACM TECS 2024, doi 10.1145/3665868.
"""
