//! What Lambda makes of a function's answer about a batch of messages.
//!
//! The stack of each trial has two queues, and a function that answers as the messages say.

use crate::{Aws, eventually, facts};
use aws_sdk_cloudformation::client::Waiters as _;
use aws_sdk_cloudformation::types::Capability;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use std::collections::BTreeMap;
use std::time::Duration;

facts![
    only_messages_that_are_named_come_again,
    a_message_whose_function_failed_comes_again,
    an_answer_that_cannot_be_understood_is_a_failure,
];

const STACK_WITHIN: Duration = Duration::from_mins(5);
/// More than twice as long as a message is hidden.
const NOTHING_MORE_WITHIN: Duration = Duration::from_secs(50);

/// A message is hidden for six timeouts and the window, which may pass before it is handed out.
///
/// A message is `what, from which delivery on`; before that one it is fine. Two deliveries of it are
/// all that there are: the third time it would be a dead letter.
const TEMPLATE: &str = r#"
Resources:
  Dead: { Type: AWS::SQS::Queue }
  Live:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 20
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2 }
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: sts:AssumeRole }
      Policies:
        - PolicyName: messages
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: [sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes]
                Resource: !GetAtt Live.Arn
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Timeout: 3
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          def handler(event, context):
              failures = []
              for record in event["Records"]:
                  what, delivery = record["body"].split()[:2]
                  if int(record["attributes"]["ApproximateReceiveCount"]) < int(delivery):
                      continue
                  if what == "raise":
                      raise ValueError(record["body"])
                  failures.append("" if what == "unnamed" else record["messageId"])
              return {"batchItemFailures": [{"itemIdentifier": id} for id in failures]}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Function
      EventSourceArn: !GetAtt Live.Arn
      BatchSize: 10
      MaximumBatchingWindowInSeconds: 2
      FunctionResponseTypes: [ReportBatchItemFailures]
Outputs:
  Live: { Value: !Ref Live }
  Dead: { Value: !Ref Dead }
"#;

struct Stack {
    cloudformation: aws_sdk_cloudformation::Client,
    sqs: aws_sdk_sqs::Client,
    name: String,
    live: String,
    dead: String,
}

impl Stack {
    async fn new(aws: &Aws) -> Self {
        let cloudformation = aws_sdk_cloudformation::Client::new(aws.clients.shared());
        let name = aws.name.clone();
        let create = cloudformation.create_stack().stack_name(&name);
        let create = create.template_body(TEMPLATE);
        let create = create.capabilities(Capability::CapabilityIam);
        create.send().await.unwrap();
        let made = cloudformation.wait_until_stack_create_complete();
        made.stack_name(&name).wait(STACK_WITHIN).await.unwrap();
        let described = cloudformation.describe_stacks().stack_name(&name).send();
        let described = described.await.unwrap();
        let outputs = described.stacks()[0].outputs().iter();
        let mut outputs: BTreeMap<_, _> = outputs
            .map(|output| (output.output_key(), output.output_value()))
            .collect();
        let mut output = |name| outputs.remove(&Some(name)).flatten().unwrap().to_owned();
        Self {
            live: output("Live"),
            dead: output("Dead"),
            sqs: aws.clients.sqs(),
            cloudformation,
            name,
        }
    }

    /// Together, as far as it lies with the sender.
    async fn send(&self, bodies: &[&str]) {
        let entries = bodies.iter().zip(0..).map(|(body, own)| {
            SendMessageBatchRequestEntry::builder()
                .id(own.to_string())
                .message_body(*body)
                .build()
                .unwrap()
        });
        let send = self.sqs.send_message_batch().queue_url(&self.live);
        let sent = send.set_entries(Some(entries.collect())).send().await;
        assert!(sent.unwrap().failed().is_empty());
    }

    /// Bodies of all dead letters, once no message is left and no more come.
    async fn dead_letters(&self, expected: usize) -> Vec<String> {
        let mut letters = Vec::new();
        eventually("so many dead letters", async || {
            letters.extend(self.receive().await);
            (letters.len() >= expected && self.left().await == 0).then_some(())
        })
        .await;
        tokio::time::sleep(NOTHING_MORE_WITHIN).await;
        letters.extend(self.receive().await);
        letters.sort();
        letters
    }

    /// Dead letters, each once.
    async fn receive(&self) -> Vec<String> {
        let receive = self.sqs.receive_message().queue_url(&self.dead);
        let received = receive.max_number_of_messages(10).send().await.unwrap();
        let mut bodies = Vec::new();
        for message in received.messages() {
            let delete = self.sqs.delete_message().queue_url(&self.dead);
            let delete = delete.receipt_handle(message.receipt_handle().unwrap());
            delete.send().await.unwrap();
            bodies.push(message.body().unwrap().to_owned());
        }
        bodies
    }

    /// Messages, hidden ones included.
    async fn left(&self) -> u32 {
        let asked = self.sqs.get_queue_attributes().queue_url(&self.live);
        let counted = asked
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .send()
            .await
            .unwrap();
        let counted = counted.attributes.unwrap_or_default();
        counted
            .values()
            .map(|count| count.parse::<u32>().unwrap())
            .sum()
    }

    async fn gone(self) {
        let delete = self.cloudformation.delete_stack().stack_name(&self.name);
        delete.send().await.unwrap();
        let gone = self.cloudformation.wait_until_stack_delete_complete();
        gone.stack_name(&self.name)
            .wait(STACK_WITHIN)
            .await
            .unwrap();
    }
}

/// The others are gone: a second delivery of one of them would fail, and make it a dead letter.
async fn only_messages_that_are_named_come_again(aws: Aws) {
    let stack = Stack::new(&aws).await;
    stack
        .send(&["named 1", "fine 2", "fine 2 too", "named 1 too"])
        .await;
    let letters = stack.dead_letters(2).await;
    stack.gone().await;
    assert_eq!(letters, ["named 1", "named 1 too"]);
}

async fn a_message_whose_function_failed_comes_again(aws: Aws) {
    let stack = Stack::new(&aws).await;
    stack.send(&["raise 1"]).await;
    let letters = stack.dead_letters(1).await;
    stack.gone().await;
    assert_eq!(letters, ["raise 1"]);
}

/// Nothing is done that might not have been.
async fn an_answer_that_cannot_be_understood_is_a_failure(aws: Aws) {
    let stack = Stack::new(&aws).await;
    stack.send(&["unnamed 1"]).await;
    let is_exact = aws.is_exact("what it cannot understand counts as done");
    let expected: &[&str] = if is_exact { &["unnamed 1"] } else { &[] };
    let letters = stack.dead_letters(expected.len()).await;
    stack.gone().await;
    assert_eq!(letters, expected);
}
