//! One function a check; what it returns is what is wrong.

use aws::function::{ALWAYS, Need};
use aws::sqs::{dead_letter_id, logical_id, url_output};
use domain::messages::QueueName;
use serde_json::Value;
use std::collections::BTreeSet;
use tests::template::{Resource, Template, each, names, tables};

type Check = fn(&Template) -> Vec<String>;

pub(crate) const CHECKS: &[(&str, Check)] = &[
    (
        "every queue has a dead-letter queue that is emptied",
        dead_letters,
    ),
    ("the queues are those of the code", queues_of_the_code),
    ("every queue is encrypted", encrypted_queues),
    ("a message is hidden for six timeouts", visibility),
    ("failures are told message by message", partial_answers),
    ("every mapping has its limit", concurrency),
    (
        "forwarding knows how many hand over at once",
        hand_overs_at_once,
    ),
    (
        "every log group forgets, and every function has its own",
        log_groups,
    ),
    ("nothing has a physical name", physical_names),
    ("every function has a role of its own", roles),
    ("no permission is wider than its two tails", wildcards),
    (
        "services that are let in are bound to what is ours",
        services,
    ),
    ("tables are kept", tables_are_kept),
    (
        "buckets are kept, private and spoken to over TLS",
        buckets_are_kept,
    ),
    ("what fails or waits is told", alarms),
    (
        "no order mail is suppressed, and all that becomes of it is reported",
        mail_reports,
    ),
    ("logs of the API name nobody", access_logs),
    ("routes are explicit", routes),
    ("a function's environment is what it reads", environment),
];

const FUNCTION: &str = "AWS::Serverless::Function";
const MAPPING: &str = "AWS::Lambda::EventSourceMapping";
const QUEUE: &str = "AWS::SQS::Queue";
const ROLE: &str = "AWS::IAM::Role";
const TABLE: &str = "AWS::DynamoDB::Table";
const BUCKET: &str = "AWS::S3::Bucket";
const LOG_GROUP: &str = "AWS::Logs::LogGroup";
const ALARM: &str = "AWS::CloudWatch::Alarm";

/// Longest that SQS keeps a message.
const FOURTEEN_DAYS: u64 = 1_209_600;
/// As the server for one machine has it.
const RECEIVES: u64 = ports::MAX_RECEIVES as u64;

fn dead_letter_queues(template: &Template) -> BTreeSet<&str> {
    template
        .of_kind(QUEUE)
        .filter_map(|queue| names(&queue.properties["RedrivePolicy"]["deadLetterTargetArn"]))
        .collect()
}

fn dead_letters(template: &Template) -> Vec<String> {
    let dead = dead_letter_queues(template);
    let emptied: BTreeSet<&str> = template
        .of_kind(MAPPING)
        .filter_map(|mapping| names(&mapping.properties["EventSourceArn"]))
        .collect();
    let mut wrong = Vec::new();
    for queue in template.of_kind(QUEUE) {
        let id = queue.id;
        if !emptied.contains(id) {
            wrong.push(format!("nothing takes from {id}"));
        }
        if dead.contains(id) {
            if queue.properties["MessageRetentionPeriod"] != FOURTEEN_DAYS {
                wrong.push(format!("{id} forgets before 14 days"));
            }
            continue;
        }
        let redrive = &queue.properties["RedrivePolicy"];
        let target = names(&redrive["deadLetterTargetArn"]).and_then(|id| template.get(id));
        if target.is_none_or(|target| target.kind != QUEUE || target.id == id) {
            wrong.push(format!("{id} has no dead-letter queue"));
        }
        if redrive["maxReceiveCount"] != RECEIVES {
            wrong.push(format!("{id} does not try {RECEIVES} times"));
        }
    }
    wrong
}

/// Each under the names that the code finds it by, and no other.
fn queues_of_the_code(template: &Template) -> Vec<String> {
    let mut others: BTreeSet<&str> = template.of_kind(QUEUE).map(|queue| queue.id).collect();
    let mut wrong = Vec::new();
    for queue in QueueName::ALL.iter().copied() {
        let (id, letters) = (logical_id(queue), dead_letter_id(queue));
        others.retain(|known| *known != id && *known != letters);
        let target = template
            .get(&id)
            .and_then(|found| names(&found.properties["RedrivePolicy"]["deadLetterTargetArn"]));
        if target != Some(&letters) {
            wrong.push(format!("the dead letters of {id} do not go to {letters}"));
        }
        let output = url_output(queue);
        if template.output(&output) != Some(&id) {
            wrong.push(format!("the output {output} is not that of {id}"));
        }
    }
    wrong.extend(others.into_iter().map(|id| format!("{id} is nobody's")));
    wrong
}

fn encrypted_queues(template: &Template) -> Vec<String> {
    template
        .of_kind(QUEUE)
        .filter(|queue| queue.properties["SqsManagedSseEnabled"] != true)
        .map(|queue| queue.id.to_owned())
        .collect()
}

fn visibility(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    for mapping in template.of_kind(MAPPING) {
        let function = names(&mapping.properties["FunctionName"]).and_then(|id| template.get(id));
        let queue = names(&mapping.properties["EventSourceArn"]).and_then(|id| template.get(id));
        let (Some(function), Some(queue)) = (function, queue) else {
            wrong.push(format!("{} joins nothing", mapping.id));
            continue;
        };
        let timeout = template.of_function(&function, "Timeout").as_u64();
        let hidden = queue.properties["VisibilityTimeout"].as_u64();
        if timeout.is_none() || hidden < timeout.map(|timeout| timeout * 6) {
            wrong.push(format!("{} is shorter than 6 x {}", queue.id, function.id));
        }
    }
    wrong
}

fn partial_answers(template: &Template) -> Vec<String> {
    template
        .of_kind(MAPPING)
        .filter(|mapping| {
            !each(&mapping.properties["FunctionResponseTypes"])
                .iter()
                .any(|kind| *kind == "ReportBatchItemFailures")
        })
        .map(|mapping| mapping.id.to_owned())
        .collect()
}

fn concurrency(template: &Template) -> Vec<String> {
    template
        .of_kind(MAPPING)
        .filter(|mapping| {
            let most = &mapping.properties["ScalingConfig"]["MaximumConcurrency"];
            let least = names(most).and_then(|parameter| template.least(parameter));
            most.as_u64().or(least).is_none_or(|most| most < 2)
        })
        .map(|mapping| mapping.id.to_owned())
        .collect()
}

/// That many messages at once, each handled alone.
fn hand_overs_at_once(template: &Template) -> Vec<String> {
    let function = template.get("ForwardingFunction").unwrap();
    let known = &function.properties["Environment"]["Variables"]["MAX_CONCURRENT_SENDS"];
    template
        .of_kind(MAPPING)
        .filter(|mapping| names(&mapping.properties["FunctionName"]) == Some(function.id))
        .filter(|mapping| {
            mapping.properties["BatchSize"] != 1
                || mapping.properties["ScalingConfig"]["MaximumConcurrency"] != *known
        })
        .map(|mapping| mapping.id.to_owned())
        .collect()
}

fn log_group<'a>(template: &'a Template, function: &Resource<'a>) -> Option<&'a str> {
    names(&template.of_function(function, "LoggingConfig")["LogGroup"])
}

fn log_groups(template: &Template) -> Vec<String> {
    let mut wrong: Vec<String> = template
        .of_kind(LOG_GROUP)
        .filter(|group| group.properties["RetentionInDays"].is_null())
        .map(|group| format!("{} forgets nothing", group.id))
        .collect();
    let mut taken = BTreeSet::new();
    for function in template.of_kind(FUNCTION) {
        let group = log_group(template, &function).and_then(|id| template.get(id));
        if !group.is_some_and(|group| group.kind == LOG_GROUP && taken.insert(group.id)) {
            wrong.push(format!("{} has no log group of its own", function.id));
        }
    }
    wrong
}

/// Names that are no identity: of a stage, of a metric, and what the console shows for an API.
const NAMES_WITHOUT_IDENTITY: &[(&str, &str)] = &[
    ("AWS::ApiGatewayV2::Api", "Name"),
    ("AWS::ApiGatewayV2::Stage", "StageName"),
    ("AWS::CloudWatch::Alarm", "MetricName"),
];

fn physical_names(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    for resource in template.resources() {
        let properties = resource.properties.as_object().into_iter().flatten();
        for (property, value) in properties {
            let given = property.ends_with("Name") && names(value).is_none();
            if given && !NAMES_WITHOUT_IDENTITY.contains(&(resource.kind, property.as_str())) {
                wrong.push(format!("{} has the {property} {value}", resource.id));
            }
        }
    }
    wrong
}

fn roles(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut taken = BTreeSet::new();
    for function in template.of_kind(FUNCTION) {
        let role = names(&function.properties["Role"]).and_then(|id| template.get(id));
        if !role.is_some_and(|role| role.kind == ROLE && taken.insert(role.id)) {
            wrong.push(format!("{} has no role of its own", function.id));
        }
        // SAM makes permissions of these.
        for property in ["Policies", "Events", "Connectors"] {
            if !function.properties[property].is_null() {
                wrong.push(format!("{} has {property}", function.id));
            }
        }
    }
    for role in template.of_kind(ROLE) {
        if !role.properties["ManagedPolicyArns"].is_null() {
            wrong.push(format!("{} has managed policies", role.id));
        }
        if each(&role.properties["Policies"]).len() != 1 {
            wrong.push(format!("{} has not one policy", role.id));
        }
    }
    let elsewhere = [
        "AWS::IAM::Policy",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::RolePolicy",
    ];
    let elsewhere = template
        .resources()
        .filter(|resource| elsewhere.contains(&resource.kind));
    wrong.extend(elsewhere.map(|policy| format!("{} is a policy beside the roles", policy.id)));
    wrong
}

/// What allows something in a resource, whatever it is a policy of.
fn allowing<'a>(resource: &Resource<'a>) -> Vec<&'a serde_json::Map<String, Value>> {
    tables(resource.properties)
        .into_iter()
        .filter(|table| table.get("Effect").is_some_and(|effect| effect == "Allow"))
        .collect()
}

fn wildcards(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    for resource in template.resources() {
        let id = resource.id;
        for statement in allowing(&resource) {
            for banned in ["NotAction", "NotResource", "NotPrincipal"] {
                if statement.contains_key(banned) {
                    wrong.push(format!("{id} allows by {banned}"));
                }
            }
            let actions = each(statement.get("Action").unwrap_or(&Value::Null));
            let principals = statement.get("Principal").map(tables).unwrap_or_default();
            let principals = principals.into_iter().flat_map(|table| table.values());
            let open = statement.get("Principal").filter(|all| all.is_string());
            let named = actions.into_iter().chain(principals).chain(open);
            for name in named.filter(|name| name.as_str().is_none_or(|name| name.contains('*'))) {
                wrong.push(format!("{id} allows {name}"));
            }
            for target in each(statement.get("Resource").unwrap_or(&Value::Null)) {
                if !is_narrow(template, id, target) {
                    wrong.push(format!("{id} allows something on {target}"));
                }
            }
        }
    }
    for permission in template.of_kind("AWS::Lambda::Permission") {
        if permission.properties.to_string().contains('*') {
            wrong.push(format!("{} lets in whatever fits", permission.id));
        }
    }
    wrong
}

/// One thing, the objects under a fixed prefix of a bucket, or the streams of the function's own log
/// group, whose ARN ends in `:*`.
fn is_narrow(template: &Template, role: &str, target: &Value) -> bool {
    if let Some(id) = target.get("Fn::GetAtt").and_then(|_| names(target)) {
        let group = template.get(id).filter(|named| named.kind == LOG_GROUP);
        return group.is_none_or(|group| {
            template.of_kind(FUNCTION).any(|function| {
                names(&function.properties["Role"]) == Some(role)
                    && log_group(template, &function) == Some(group.id)
            })
        });
    }
    let Some(text) = target.get("Fn::Sub").and_then(Value::as_str) else {
        return false;
    };
    let fixed = text.strip_suffix("/*").unwrap_or(text);
    let prefix_of_a_bucket = || {
        let (bucket, prefix) = fixed.split_once(".Arn}/")?;
        let bucket = template.get(bucket.strip_prefix("${")?)?;
        Some(bucket.kind == BUCKET && !prefix.is_empty() && !prefix.contains("${"))
    };
    !fixed.contains(['*', '?']) && (fixed == text || prefix_of_a_bucket() == Some(true))
}

fn services(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    for policy in template.of_kind("AWS::SQS::QueuePolicy") {
        for statement in allowing(&policy) {
            let condition = statement.get("Condition").unwrap_or(&Value::Null);
            let source = names(&condition["ArnEquals"]["aws:SourceArn"]);
            let source = source.and_then(|id| template.get(id));
            if source.is_none_or(|source| source.kind != "AWS::Events::Rule") {
                wrong.push(format!("{} lets any rule in", policy.id));
            }
        }
    }
    for permission in template.of_kind("AWS::Lambda::Permission") {
        if permission.properties["SourceArn"]["Fn::Sub"].is_null() {
            wrong.push(format!("{} lets any API in", permission.id));
        }
    }
    wrong
}

fn retained(resource: &Resource<'_>) -> bool {
    resource.whole["DeletionPolicy"] == "Retain"
        && resource.whole["UpdateReplacePolicy"] == "Retain"
}

fn tables_are_kept(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    for table in template.of_kind(TABLE) {
        let recovery = &table.properties["PointInTimeRecoverySpecification"];
        let kept = [
            ("retained", retained(&table)),
            (
                "protected",
                table.properties["DeletionProtectionEnabled"] == true,
            ),
            (
                "recoverable",
                recovery["PointInTimeRecoveryEnabled"] == true,
            ),
            // Longer would keep personal data that was erased.
            (
                "recoverable for 7 days",
                recovery["RecoveryPeriodInDays"] == 7,
            ),
            (
                "encrypted",
                table.properties["SSESpecification"]["SSEEnabled"] == true,
            ),
            (
                "on demand",
                table.properties["BillingMode"] == "PAY_PER_REQUEST",
            ),
        ];
        let missing = kept.iter().filter(|(_, kept)| !kept);
        wrong.extend(missing.map(|(what, _)| format!("{} is not {what}", table.id)));
    }
    wrong
}

fn buckets_are_kept(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    for bucket in template.of_kind(BUCKET) {
        let properties = bucket.properties;
        let access = &properties["PublicAccessBlockConfiguration"];
        let private = [
            "BlockPublicAcls",
            "BlockPublicPolicy",
            "IgnorePublicAcls",
            "RestrictPublicBuckets",
        ];
        let rules = each(&properties["LifecycleConfiguration"]["Rules"]);
        let old = rules.iter().any(|rule| {
            rule["Status"] == "Enabled"
                && rule["Prefix"].is_null()
                && rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 7
        });
        let encryption = &properties["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
        let algorithm = &encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"];
        let kept = [
            ("retained", retained(&bucket)),
            (
                "versioned",
                properties["VersioningConfiguration"]["Status"] == "Enabled",
            ),
            ("encrypted", algorithm.is_string()),
            ("private", private.iter().all(|block| access[block] == true)),
            ("rid of old versions after 7 days", old),
            (
                "spoken to over TLS only",
                refuses_plain_requests(template, bucket.id),
            ),
        ];
        let missing = kept.iter().filter(|(_, kept)| !kept);
        wrong.extend(missing.map(|(what, _)| format!("{} is not {what}", bucket.id)));
    }
    wrong
}

fn refuses_plain_requests(template: &Template, bucket: &str) -> bool {
    let policies = template.of_kind("AWS::S3::BucketPolicy");
    let own = policies.filter(|policy| names(&policy.properties["Bucket"]) == Some(bucket));
    own.flat_map(|policy| each(&policy.properties["PolicyDocument"]["Statement"]))
        .any(|statement| {
            let objects = format!("${{{bucket}.Arn}}/*");
            let targets = each(&statement["Resource"]);
            statement["Effect"] == "Deny"
                && statement["Principal"] == "*"
                && statement["Action"] == "s3:*"
                && statement["Condition"]["Bool"]["aws:SecureTransport"] == "false"
                && targets.iter().any(|target| names(target) == Some(bucket))
                && targets
                    .iter()
                    .any(|target| target["Fn::Sub"] == objects.as_str())
        })
}

fn alarms(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut watched = BTreeSet::new();
    for alarm in template.of_kind(ALARM) {
        let actions = each(&alarm.properties["AlarmActions"]);
        let topic = actions
            .first()
            .and_then(|topic| template.get(names(topic)?));
        if topic.is_none_or(|topic| topic.kind != "AWS::SNS::Topic") {
            wrong.push(format!("{} tells nobody", alarm.id));
        }
        for dimension in each(&alarm.properties["Dimensions"]) {
            let metric = alarm.properties["MetricName"].as_str();
            watched.insert((names(&dimension["Value"]), metric));
        }
    }
    let functions = template
        .of_kind(FUNCTION)
        .flat_map(|function| [(function.id, "Errors"), (function.id, "Throttles")]);
    let queues = template
        .of_kind(QUEUE)
        .map(|queue| (queue.id, "ApproximateAgeOfOldestMessage"));
    let incidents = [("AWS::StackName", "IncidentsOpened")];
    for (what, metric) in functions.chain(queues).chain(incidents) {
        if !watched.contains(&(Some(what), Some(metric))) {
            wrong.push(format!("{metric} of {what} is watched by no alarm"));
        }
    }
    wrong
}

/// Nothing of the caller, and nothing that he wrote.
const LOGGED: &[&str] = &[
    "requestTime",
    "requestId",
    "routeKey",
    "status",
    "responseLatency",
    "error.responseType",
    "integrationStatus",
    "integrationErrorMessage",
];

fn access_logs(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    for stage in template.of_kind("AWS::ApiGatewayV2::Stage") {
        let format = stage.properties["AccessLogSettings"]["Format"].as_str();
        let Some(format) = format else {
            wrong.push(format!("{} logs nothing", stage.id));
            continue;
        };
        let logged = format.split("$context.").skip(1);
        let logged = logged.map(|rest| rest.split('"').next().unwrap_or_default());
        wrong.extend(
            logged
                .filter(|name| !LOGGED.contains(name))
                .map(str::to_owned),
        );
    }
    wrong
}

/// What forwarding has to be told of. Without a report of the delivery, or of its delay, a mail that
/// arrived would be a case.
const MAIL_EVENTS: [&str; 5] = ["send", "reject", "bounce", "delivery", "deliveryDelay"];

fn mail_reports(template: &Template) -> Vec<String> {
    let forwarding = template.get("ForwardingFunction").unwrap();
    let queue = "ForwardingQueue";
    let named = &forwarding.properties["Environment"]["Variables"]["MAIL_CONFIGURATION_SET"];
    let Some(set) = names(named).and_then(|id| template.get(id)) else {
        return vec!["order mails name no configuration set".to_owned()];
    };
    let mut wrong = Vec::new();
    if set.properties["SuppressionOptions"]["SuppressedReasons"] != Value::Array(Vec::new()) {
        wrong.push(format!("{} suppresses mails", set.id));
    }
    let destination = template
        .of_kind("AWS::SES::ConfigurationSetEventDestination")
        .find(|one| names(&one.properties["ConfigurationSetName"]) == Some(set.id));
    let reported = destination.map(|one| one.properties["EventDestination"].clone());
    let reported = reported.unwrap_or_default();
    let reports = |event: &&str| {
        each(&reported["MatchingEventTypes"])
            .iter()
            .any(|one| one.as_str() == Some(*event))
    };
    if reported["Enabled"] != true || reported["EventBridgeDestination"].is_null() {
        wrong.push(format!("{} reports nothing", set.id));
    }
    let missing = MAIL_EVENTS.iter().filter(|event| !reports(event));
    wrong.extend(missing.map(|event| format!("{} does not report {event}", set.id)));
    let reaches_forwarding = template.of_kind("AWS::Events::Rule").any(|rule| {
        let pattern = &rule.properties["EventPattern"];
        let sets = each(&pattern["detail"]["mail"]["tags"]["ses:configuration-set"]);
        let targets = each(&rule.properties["Targets"]);
        // A rule that names types of events would lose the others.
        pattern["detail"]
            .as_object()
            .is_some_and(|detail| detail.len() == 1)
            && sets.iter().any(|one| names(one) == Some(set.id))
            && targets
                .iter()
                .any(|target| names(&target["Arn"]) == Some(queue))
    });
    if !reaches_forwarding {
        wrong.push(format!("reports of {} do not reach {queue}", set.id));
    }
    wrong
}

fn routes(template: &Template) -> Vec<String> {
    template
        .of_kind("AWS::ApiGatewayV2::Route")
        .filter(|route| {
            let key = route.properties["RouteKey"].as_str().unwrap_or_default();
            !key.starts_with("POST /") || key.contains('+')
        })
        .map(|route| route.id.to_owned())
        .collect()
}

/// What its binary names in capitals, and what the log reads in each.
fn environment(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    for function in template.of_kind(FUNCTION) {
        let code = function.properties["CodeUri"].as_str().unwrap_or_default();
        let main = crate::root().join("infra").join(code).join("src/main.rs");
        let Ok(main) = std::fs::read_to_string(&main) else {
            wrong.push(format!("{} has no {}", function.id, main.display()));
            continue;
        };
        let is_named = |need: &Need| {
            let name = match need {
                Need::Queue(queue) => format!("QueueName::{queue:?}"),
                Need::StockTable
                | Need::DropsBucket
                | Need::Secrets
                | Need::Mail
                | Need::ConcurrentSends => format!("Need::{need:?}"),
            };
            main.contains(&name)
        };
        let needs = Need::all().into_iter().filter(is_named);
        let needs: Vec<String> = needs.map(Need::variable).collect();
        let read = needs.iter().map(String::as_str).chain(ALWAYS);
        let read: BTreeSet<&str> = read.chain(["LOG_LEVEL"]).collect();
        let given = function.properties["Environment"]["Variables"].as_object();
        let given = given.into_iter().flatten().map(|(name, _)| name.as_str());
        let given: BTreeSet<&str> = given.collect();
        let difference = read.symmetric_difference(&given);
        wrong.extend(difference.map(|name| format!("{name} of {}", function.id)));
    }
    wrong
}
