"""The main job on Amazon EMR: planned with its price, submitted once, watched, fetched and ended.

Only this package and `churn.s3` may import boto3. `plan` with a given input size needs neither it nor credentials.
"""
