//! The ports on AWS: `DynamoDB` for what must be durable together, SQS, S3, SES and SSM, and what
//! serves the functions on Lambda.

pub mod clients;
pub mod dynamodb;
