//! What `infra/template.yaml` keeps. Each check is shown to find what it is for: `BROKEN` has, for
//! every one of them, lines of the real template and what they must not become.

mod checks;

use checks::CHECKS;
use std::collections::BTreeSet;
use tests::template::{Template, text};

#[test]
fn the_template_keeps_every_check() {
    let template = Template::ours();
    let mut found = Vec::new();
    for (name, check) in CHECKS {
        found.extend(
            check(&template)
                .into_iter()
                .map(|what| format!("{name}: {what}")),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_check_finds_a_template_that_breaks_it() {
    let text = text();
    let known: BTreeSet<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
    let tried: BTreeSet<&str> = BROKEN.iter().map(|(name, _, _)| *name).collect();
    assert_eq!(known, tried);
    for (name, line, instead) in BROKEN {
        assert!(text.contains(line), "the template has no {line:?} any more");
        let broken = Template::read(&text.replacen(line, instead, 1));
        let (_, check) = CHECKS.iter().find(|(known, _)| known == name).unwrap();
        assert!(
            !check(&broken).is_empty(),
            "{name} does not see {instead:?}"
        );
    }
}

/// Check, what stands in the template, what it becomes.
const BROKEN: &[(&str, &str, &str)] = &[
    (
        "every queue has a dead-letter queue that is emptied",
        "deadLetterTargetArn: !GetAtt RoutingDeadLetterQueue.Arn",
        "deadLetterTargetArn: !GetAtt NoQueue.Arn",
    ),
    (
        "every queue has a dead-letter queue that is emptied",
        "maxReceiveCount: 5",
        "maxReceiveCount: 1",
    ),
    (
        "every queue has a dead-letter queue that is emptied",
        "MessageRetentionPeriod: 1209600",
        "MessageRetentionPeriod: 345600",
    ),
    (
        "every queue has a dead-letter queue that is emptied",
        "EventSourceArn: !GetAtt ForwardingDeadLetterQueue.Arn",
        "EventSourceArn: !GetAtt ForwardingQueue.Arn",
    ),
    (
        "the queues are those of the code",
        "deadLetterTargetArn: !GetAtt RoutingDeadLetterQueue.Arn",
        "deadLetterTargetArn: !GetAtt ForwardingDeadLetterQueue.Arn",
    ),
    (
        "the queues are those of the code",
        "    Value: !Ref ForwardingQueue\n",
        "    Value: !Ref RoutingQueue\n",
    ),
    (
        "every queue is encrypted",
        "SqsManagedSseEnabled: true",
        "SqsManagedSseEnabled: false",
    ),
    (
        "a message is hidden for six timeouts",
        "VisibilityTimeout: 1800",
        "VisibilityTimeout: 1799",
    ),
    (
        "a message is hidden for six timeouts",
        "      Timeout: 60",
        "      Timeout: 61",
    ),
    (
        "failures are told message by message",
        "FunctionResponseTypes: [ReportBatchItemFailures]",
        "FunctionResponseTypes: []",
    ),
    (
        "every mapping has its limit",
        "ScalingConfig: { MaximumConcurrency: 5 }",
        "Enabled: true",
    ),
    ("every mapping has its limit", "MinValue: 2", "MinValue: 1"),
    (
        "forwarding knows how many hand over at once",
        "MaximumConcurrency: !Ref MaxConcurrentSends",
        "MaximumConcurrency: 5",
    ),
    (
        "forwarding knows how many hand over at once",
        "BatchSize: 1\n",
        "BatchSize: 2\n",
    ),
    (
        "every log group forgets, and every function has its own",
        "RetentionInDays: !Ref LogRetentionDays",
        "LogGroupClass: STANDARD",
    ),
    (
        "every log group forgets, and every function has its own",
        "LogGroup: !Ref RoutingLogGroup",
        "LogGroup: !Ref ForwardingLogGroup",
    ),
    (
        "nothing has a physical name",
        "    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    Properties:\n",
        "    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    Properties:\n      TableName: orders\n",
    ),
    (
        "nothing has a physical name",
        "    Type: AWS::SNS::Topic\n",
        "    Type: AWS::SNS::Topic\n    Properties: { TopicName: !Sub \"${AWS::StackName}-alerts\" }\n",
    ),
    (
        "every function has a role of its own",
        "Role: !GetAtt RoutingRole.Arn",
        "Role: !GetAtt ForwardingRole.Arn",
    ),
    (
        "every function has a role of its own",
        "      Role: !GetAtt RoutingRole.Arn\n",
        "      Role: !GetAtt RoutingRole.Arn\n      Policies: [AmazonDynamoDBFullAccess]\n",
    ),
    (
        "every function has a role of its own",
        "      Policies:\n        - PolicyName: routing",
        "      ManagedPolicyArns: [!Sub \"arn:${AWS::Partition}:iam::aws:policy/AmazonSQSFullAccess\"]\n      Policies:\n        - PolicyName: routing",
    ),
    (
        "no permission is wider than its two tails",
        "Resource: !Sub ${DropsBucket.Arn}/out/*",
        "Resource: !Sub ${DropsBucket.Arn}/*",
    ),
    (
        "no permission is wider than its two tails",
        "Resource: !Sub ${DropsBucket.Arn}/out/*",
        "Resource: !Sub ${DropsBucket.Arn}/o*t/*",
    ),
    (
        "no permission is wider than its two tails",
        "Action: ssm:GetParametersByPath",
        "Action: ssm:*",
    ),
    (
        "no permission is wider than its two tails",
        "parameter/${AWS::StackName}/channels",
        "parameter/${AWS::StackName}/*",
    ),
    (
        "no permission is wider than its two tails",
        "Resource: !GetAtt RoutingLogGroup.Arn",
        "Resource: !GetAtt ForwardingLogGroup.Arn",
    ),
    (
        "no permission is wider than its two tails",
        "Resource: !GetAtt RoutingLogGroup.Arn",
        "Resource: \"*\"",
    ),
    (
        "no permission is wider than its two tails",
        "Principal: { Service: events.amazonaws.com }",
        "Principal: \"*\"",
    ),
    (
        "no permission is wider than its two tails",
        "$default/POST/webhooks/{channel}",
        "*",
    ),
    (
        "services that are let in are bound to what is ours",
        "ArnEquals: { aws:SourceArn: !GetAtt MailEventsRule.Arn }",
        "ArnEquals: { aws:SourceArn: !GetAtt RoutingQueue.Arn }",
    ),
    (
        "services that are let in are bound to what is ours",
        "      SourceArn: !Sub arn",
        "      SourceAccount: !Sub arn",
    ),
    (
        "no order mail is suppressed, and all that becomes of it is reported",
        "SuppressionOptions: { SuppressedReasons: [] }",
        "SuppressionOptions: { SuppressedReasons: [BOUNCE] }",
    ),
    (
        "no order mail is suppressed, and all that becomes of it is reported",
        "SuppressionOptions: { SuppressedReasons: [] }",
        "SendingOptions: { SendingEnabled: true }",
    ),
    (
        "no order mail is suppressed, and all that becomes of it is reported",
        ", deliveryDelay]",
        "]",
    ),
    (
        "no order mail is suppressed, and all that becomes of it is reported",
        "ses:configuration-set: [!Ref MailConfigurationSet]",
        "ses:configuration-set: [another]",
    ),
    (
        "no order mail is suppressed, and all that becomes of it is reported",
        "MAIL_CONFIGURATION_SET: !Ref MailConfigurationSet",
        "MAIL_CONFIGURATION_SET: another",
    ),
    (
        "tables are kept",
        "DeletionPolicy: Retain",
        "DeletionPolicy: Delete",
    ),
    (
        "tables are kept",
        "UpdateReplacePolicy: Retain",
        "UpdateReplacePolicy: Delete",
    ),
    (
        "tables are kept",
        "DeletionProtectionEnabled: true",
        "DeletionProtectionEnabled: false",
    ),
    (
        "tables are kept",
        "PointInTimeRecoveryEnabled: true",
        "PointInTimeRecoveryEnabled: false",
    ),
    (
        "tables are kept",
        "RecoveryPeriodInDays: 7",
        "RecoveryPeriodInDays: 35",
    ),
    (
        "tables are kept",
        "SSESpecification: { SSEEnabled: true }",
        "SSESpecification: { SSEEnabled: false }",
    ),
    (
        "buckets are kept, private and spoken to over TLS",
        "    Type: AWS::S3::Bucket\n    DeletionPolicy: Retain",
        "    Type: AWS::S3::Bucket\n    DeletionPolicy: Delete",
    ),
    (
        "buckets are kept, private and spoken to over TLS",
        "VersioningConfiguration: { Status: Enabled }",
        "VersioningConfiguration: { Status: Suspended }",
    ),
    (
        "buckets are kept, private and spoken to over TLS",
        "SSEAlgorithm: AES256",
        "KMSMasterKeyID: none",
    ),
    (
        "buckets are kept, private and spoken to over TLS",
        "RestrictPublicBuckets: true",
        "RestrictPublicBuckets: false",
    ),
    (
        "buckets are kept, private and spoken to over TLS",
        "NoncurrentVersionExpiration: { NoncurrentDays: 7 }",
        "NoncurrentVersionExpiration: { NoncurrentDays: 30 }",
    ),
    (
        "buckets are kept, private and spoken to over TLS",
        "              - !Sub ${DropsBucket.Arn}/*\n",
        "",
    ),
    (
        "buckets are kept, private and spoken to over TLS",
        "Bool: { aws:SecureTransport: \"false\" }",
        "Bool: { aws:SecureTransport: \"true\" }",
    ),
    (
        "what fails or waits is told",
        "MetricName: Throttles",
        "MetricName: Duration",
    ),
    (
        "what fails or waits is told",
        "        - { Name: QueueName, Value: !GetAtt ForwardingQueue.QueueName }",
        "        - { Name: QueueName, Value: !GetAtt RoutingQueue.QueueName }",
    ),
    (
        "what fails or waits is told",
        "      AlarmActions: [!Ref AlertsTopic]\n",
        "",
    ),
    (
        "logs of the API name nobody",
        "\"route\":\"$context.routeKey\"",
        "\"route\":\"$context.identity.sourceIp\"",
    ),
    (
        "routes are explicit",
        "RouteKey: POST /webhooks/{channel}",
        "RouteKey: $default",
    ),
    (
        "a function's environment is what it reads",
        "          STOCK_TABLE: !Ref StockTable\n",
        "",
    ),
    (
        "a function's environment is what it reads",
        "          LOG_LEVEL: !Ref LogLevel\n",
        "          LOG_LEVEL: !Ref LogLevel\n          DROPS_BUCKET: !Ref DropsBucket\n",
    ),
];
