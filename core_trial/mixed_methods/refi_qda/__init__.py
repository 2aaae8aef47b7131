"""REFI-QDA, the exchange format of programs for qualitative analysis: projects (.qdpx, .qde) and codebooks (.qdc).

The standard is REFI-QDA 1.5 (2019), https://www.qdasoftware.org.
"""
