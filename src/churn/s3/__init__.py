"""S3: where a log may lie, and where a run may be written to.

`url` knows addresses and needs nothing; `client` is the one module that loads boto3; `find`, `stage` and `folder`
stand on it: which objects make a log, copies of them on this machine, and a run folder that is kept in S3.
"""
