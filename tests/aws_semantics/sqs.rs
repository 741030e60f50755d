//! SQS: what was received too often is a dead letter, and is put back on demand.

use crate::{Aws, eventually, facts};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

facts![
    what_is_received_too_often_is_a_dead_letter,
    a_message_that_is_given_back_comes_again,
];

async fn queue(client: &Client, name: &str, redrive: Option<String>) -> (String, String) {
    let create = client.create_queue().queue_name(name);
    let create = match redrive {
        Some(policy) => create.attributes(QueueAttributeName::RedrivePolicy, policy),
        None => create,
    };
    let url = create.send().await.unwrap().queue_url.unwrap();
    let asked = client.get_queue_attributes().queue_url(&url);
    let asked = asked.attribute_names(QueueAttributeName::QueueArn).send();
    let attributes = asked.await.unwrap().attributes.unwrap();
    (url, attributes[&QueueAttributeName::QueueArn].clone())
}

/// The receipt and body of a message, hidden from others for so long.
async fn receive(client: &Client, url: &str, hidden_for: i32) -> Option<(String, String)> {
    let receive = client.receive_message().queue_url(url);
    let received = receive.visibility_timeout(hidden_for).send().await.unwrap();
    let message = received.messages.unwrap_or_default().into_iter().next()?;
    Some((message.receipt_handle.unwrap(), message.body.unwrap()))
}

async fn what_is_received_too_often_is_a_dead_letter(aws: Aws) {
    let client = aws.clients.sqs();
    let name: String = aws.name.chars().take(70).collect();
    let (dead, arn) = queue(&client, &format!("{name}-dead"), None).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"2"}}"#);
    let (live, _) = queue(&client, &name, Some(policy)).await;
    let send = client.send_message().queue_url(&live).message_body("one");
    send.send().await.unwrap();
    for _ in 0..2 {
        let received = eventually("it comes", async || receive(&client, &live, 0).await);
        assert_eq!(received.await.1, "one");
    }
    let letter = eventually("it is a dead letter", async || {
        assert_eq!(receive(&client, &live, 0).await, None, "a third time");
        receive(&client, &dead, 60).await
    });
    assert_eq!(letter.await.1, "one");
    for url in [live, dead] {
        client.delete_queue().queue_url(url).send().await.unwrap();
    }
}

async fn a_message_that_is_given_back_comes_again(aws: Aws) {
    let client = aws.clients.sqs();
    let name: String = aws.name.chars().take(70).collect();
    let (url, _) = queue(&client, &name, None).await;
    let send = client.send_message().queue_url(&url).message_body("one");
    send.send().await.unwrap();
    let received = eventually("it comes", async || receive(&client, &url, 60).await);
    let (receipt, _) = received.await;
    assert_eq!(receive(&client, &url, 60).await, None, "it is hidden");
    client
        .change_message_visibility()
        .queue_url(&url)
        .receipt_handle(&receipt)
        .visibility_timeout(0)
        .send()
        .await
        .unwrap();
    let again = eventually("it comes again", async || receive(&client, &url, 60).await);
    let (receipt, _) = again.await;
    let delete = client.delete_message().queue_url(&url);
    delete.receipt_handle(receipt).send().await.unwrap();
    client.delete_queue().queue_url(url).send().await.unwrap();
}
