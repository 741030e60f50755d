//! The ports on AWS: `DynamoDB` for what must be durable together, SQS, S3, SES and SSM, and what
//! serves the functions on Lambda.

pub mod bundle;
pub mod clients;
pub mod clock;
pub mod dynamodb;
pub mod environment;
pub mod function;
pub mod lambda;
pub mod log;
pub mod metrics;
pub mod s3;
pub mod ses;
pub mod sqs;
pub mod ssm;
