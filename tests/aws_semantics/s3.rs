//! S3: files that are created once, and keys that somebody deleted.

use crate::{Aws, facts};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration,
    VersioningConfiguration,
};

facts![
    a_file_is_created_once,
    of_many_creations_one_is_made,
    a_deleted_key_is_still_known,
];

/// A versioned bucket.
async fn bucket(aws: &Aws) -> (Client, String) {
    let client = aws.clients.s3();
    // No longer than the name of a bucket may be.
    let name: String = aws.name.chars().take(63).collect();
    let region = aws.clients.shared().region().unwrap().to_string();
    let place = (region != "us-east-1").then(|| {
        let region = BucketLocationConstraint::from(region.as_str());
        let place = CreateBucketConfiguration::builder();
        place.location_constraint(region).build()
    });
    let create = client.create_bucket().bucket(&name);
    let create = create.set_create_bucket_configuration(place);
    create.send().await.unwrap();
    let versioned = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
    client
        .put_bucket_versioning()
        .bucket(&name)
        .versioning_configuration(versioned.build())
        .send()
        .await
        .unwrap();
    (client, name)
}

async fn gone(client: &Client, bucket: &str) {
    let versions = client.list_object_versions().bucket(bucket).send().await;
    let versions = versions.unwrap();
    let objects = versions.versions().iter();
    let objects = objects.map(|version| (version.key(), version.version_id()));
    let markers = versions.delete_markers().iter();
    let markers = markers.map(|marker| (marker.key(), marker.version_id()));
    for (key, version) in objects.chain(markers) {
        let delete = client.delete_object().bucket(bucket);
        let delete = delete.key(key.unwrap()).version_id(version.unwrap());
        delete.send().await.unwrap();
    }
    client.delete_bucket().bucket(bucket).send().await.unwrap();
}

/// The status of the answer.
async fn create(client: &Client, bucket: &str, key: &str, body: &[u8]) -> u16 {
    let put = client.put_object().bucket(bucket).key(key);
    let put = put.if_none_match("*").body(body.to_vec().into());
    match put.send().await {
        Ok(_) => 200,
        Err(error) => {
            let status = error.raw_response().unwrap().status().as_u16();
            let code = error.into_service_error();
            let code = code.code();
            let expected = ["PreconditionFailed", "ConditionalRequestConflict"];
            assert!(expected.map(Some).contains(&code), "{code:?}");
            status
        }
    }
}

async fn a_file_is_created_once(aws: Aws) {
    let (client, bucket) = bucket(&aws).await;
    assert_eq!(create(&client, &bucket, "out/one", b"one").await, 200);
    assert_eq!(create(&client, &bucket, "out/one", b"two").await, 412);
    let got = client.get_object().bucket(&bucket).key("out/one").send();
    let body = got.await.unwrap().body.collect().await.unwrap();
    assert_eq!(&body.into_bytes()[..], b"one");
    gone(&client, &bucket).await;
}

async fn of_many_creations_one_is_made(aws: Aws) {
    let (client, bucket) = bucket(&aws).await;
    let tasks: Vec<_> = (0..20_u8)
        .map(|own| {
            let (client, bucket) = (client.clone(), bucket.clone());
            tokio::spawn(async move { create(&client, &bucket, "one", &[own]).await })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        match task.await.unwrap() {
            200 => made += 1,
            // Somebody was quicker, or is about to be.
            412 | 409 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(made, 1);
    gone(&client, &bucket).await;
}

/// Suppliers delete what they fetched; whether it was ever there is asked of the versions.
async fn a_deleted_key_is_still_known(aws: Aws) {
    let (client, bucket) = bucket(&aws).await;
    let known = async |key: &str| {
        let list = client.list_object_versions().bucket(&bucket);
        let listed = list.prefix(key).max_keys(1).send().await.unwrap();
        let objects = listed.versions().iter().map(|version| version.key());
        let markers = listed.delete_markers().iter().map(|marker| marker.key());
        objects.chain(markers).any(|found| found == Some(key))
    };
    assert!(!known("out/one").await);
    assert_eq!(create(&client, &bucket, "out/one", b"one").await, 200);
    assert!(known("out/one").await);
    let delete = client.delete_object().bucket(&bucket).key("out/one");
    delete.send().await.unwrap();
    assert!(known("out/one").await);
    assert!(!known("out/on").await, "the beginning of another key");
    // Created once does not hold for what was deleted: the versions are asked first.
    assert_eq!(create(&client, &bucket, "out/one", b"two").await, 200);
    gone(&client, &bucket).await;
}
