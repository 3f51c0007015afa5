"""The pipeline that turns a listing into files: one module a stage."""
