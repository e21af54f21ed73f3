"""What people say of conversations: labels in and out, whom to ask next, and what labels correct.

Reads the published facts and the lake; writes labels through the same door as every other event.
"""
