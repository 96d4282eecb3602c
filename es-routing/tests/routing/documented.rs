//! The conditions as EventBridge documents them: patterns of
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html> and the pages that it
//! names, with events that they are for and others.

use es_routing::EventPattern;
use serde_json::Value;

/// Pattern, events that match, events that do not.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const AS_DOCUMENTED: &[Row] = &[
    // And, or, empty, null, equals.
    (
        r#"{"Location": ["New York"], "Day": ["Monday"]}"#,
        &[r#"{"Location": "New York", "Day": "Monday"}"#],
        &[r#"{"Location": "New York", "Day": "Tuesday"}"#, r#"{"Location": "New York"}"#],
    ),
    (
        r#"{"PaymentType": ["Credit", "Debit"]}"#,
        &[r#"{"PaymentType": "Credit"}"#, r#"{"PaymentType": "Debit"}"#],
        &[r#"{"PaymentType": "Cash"}"#],
    ),
    (r#"{"LastName": [""]}"#, &[r#"{"LastName": ""}"#], &[r#"{"LastName": null}"#, "{}"]),
    (r#"{"UserID": [null]}"#, &[r#"{"UserID": null}"#], &[r#"{"UserID": ""}"#, "{}"]),
    (r#"{"Name": ["Alice"]}"#, &[r#"{"Name": "Alice"}"#], &[r#"{"Name": "alice"}"#]),
    // Or over fields.
    (
        r#"{"$or": [{"Location": ["New York"]}, {"Day": ["Monday"]}]}"#,
        &[r#"{"Location": "New York"}"#, r#"{"Location": "Rome", "Day": "Monday"}"#],
        &[r#"{"Location": "Rome", "Day": "Friday"}"#, "{}"],
    ),
    (
        r#"{"detail": {"$or": [
            {"c-count": [{"numeric": [">", 0, "<=", 5]}]},
            {"d-count": [{"numeric": ["<", 10]}]},
            {"x-limit": [{"numeric": ["=", 3.018e2]}]}
        ]}}"#,
        &[
            r#"{"detail": {"c-count": 5}}"#,
            r#"{"detail": {"d-count": 9.9}}"#,
            r#"{"detail": {"c-count": 0, "x-limit": 301.8}}"#,
        ],
        &[r#"{"detail": {"c-count": 0, "d-count": 10, "x-limit": 301}}"#, r#"{"c-count": 5}"#],
    ),
    (
        r#"{"source": ["aws.cloudwatch"], "$or": [
            {"metricName": ["CPUUtilization", "ReadLatency"]},
            {"metricType": ["MetricType"], "namespace": ["AWS/EC2", "AWS/ES"], "$or": [
                {"metricId": [1234]}, {"spaceId": [1000]}
            ]},
            {"scope": ["Service"]}
        ]}"#,
        &[
            r#"{"source": "aws.cloudwatch", "metricName": "ReadLatency"}"#,
            r#"{"source": "aws.cloudwatch", "metricType": "MetricType", "namespace": "AWS/ES", "spaceId": 1000}"#,
            r#"{"source": "aws.cloudwatch", "scope": "Service"}"#,
        ],
        &[
            r#"{"source": "aws.cloudwatch", "metricType": "MetricType", "namespace": "AWS/ES"}"#,
            r#"{"source": "aws.ec2", "scope": "Service"}"#,
        ],
    ),
    // Prefix and suffix, also whatever the case.
    (
        r#"{"time": [{"prefix": "2017-10-02"}]}"#,
        &[r#"{"time": "2017-10-02T18:43:48Z"}"#],
        &[r#"{"time": "2017-10-03T18:43:48Z"}"#, r#"{"time": 20171002}"#],
    ),
    (
        r#"{"detail": {"service": [{"prefix": {"equals-ignore-case": "EventB"}}]}}"#,
        &[r#"{"detail": {"service": "EventBridge"}}"#, r#"{"detail": {"service": "eVENTbRIDGE"}}"#],
        &[r#"{"detail": {"service": "MyEventBridge"}}"#],
    ),
    (
        r#"{"FileName": [{"suffix": ".png"}]}"#,
        &[r#"{"FileName": "a.png"}"#, r#"{"FileName": ".png"}"#],
        &[r#"{"FileName": "a.PNG"}"#, r#"{"FileName": "png"}"#],
    ),
    (
        r#"{"FileName": [{"suffix": {"equals-ignore-case": ".png"}}]}"#,
        &[r#"{"FileName": "a.PNG"}"#],
        &[r#"{"FileName": "a.pngx"}"#],
    ),
    (
        r#"{"Name": [{"equals-ignore-case": "alice"}]}"#,
        &[r#"{"Name": "Alice"}"#, r#"{"Name": "ALICE"}"#],
        &[r#"{"Name": "Alic"}"#, r#"{"Name": "Alicee"}"#],
    ),
    // Anything but.
    (
        r#"{"detail": {"state": [{"anything-but": "initializing"}]}}"#,
        &[r#"{"detail": {"state": "running"}}"#, r#"{"detail": {"state": 5}}"#],
        &[r#"{"detail": {"state": "initializing"}}"#, r#"{"detail": {}}"#],
    ),
    (
        r#"{"detail": {"x-limit": [{"anything-but": [100, 200, 300]}]}}"#,
        &[r#"{"detail": {"x-limit": 101}}"#, r#"{"detail": {"x-limit": "100"}}"#],
        &[r#"{"detail": {"x-limit": 200}}"#, r#"{"detail": {"x-limit": 300.0}}"#],
    ),
    (
        r#"{"detail": {"state": [{"anything-but": ["stopped", "overloaded"]}]}}"#,
        &[r#"{"detail": {"state": "Stopped"}}"#],
        &[r#"{"detail": {"state": "stopped"}}"#, r#"{"detail": {"state": "overloaded"}}"#],
    ),
    (
        r#"{"detail": {"state": [{"anything-but": {"equals-ignore-case": "initializing"}}]}}"#,
        &[r#"{"detail": {"state": "running"}}"#],
        &[r#"{"detail": {"state": "INITIALIZING"}}"#],
    ),
    (
        r#"{"detail": {"state": [{"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}}]}}"#,
        &[r#"{"detail": {"state": "running"}}"#],
        &[r#"{"detail": {"state": "Stopped"}}"#],
    ),
    (
        r#"{"detail": {"state": [{"anything-but": {"prefix": "init"}}]}}"#,
        &[r#"{"detail": {"state": "running"}}"#, r#"{"detail": {"state": "Init"}}"#],
        &[r#"{"detail": {"state": "initializing"}}"#],
    ),
    (
        r#"{"detail": {"state": [{"anything-but": {"prefix": ["init", "stop"]}}]}}"#,
        &[r#"{"detail": {"state": "running"}}"#],
        &[r#"{"detail": {"state": "stopped"}}"#],
    ),
    (
        r#"{"detail": {"FileName": [{"anything-but": {"suffix": ".txt"}}]}}"#,
        &[r#"{"detail": {"FileName": "a.png"}}"#],
        &[r#"{"detail": {"FileName": "a.txt"}}"#],
    ),
    (
        r#"{"detail": {"FileName": [{"anything-but": {"suffix": [".txt", ".rtf"]}}]}}"#,
        &[r#"{"detail": {"FileName": "a.png"}}"#],
        &[r#"{"detail": {"FileName": "a.rtf"}}"#],
    ),
    (
        r#"{"detail": {"FilePath": [{"anything-but": {"wildcard": "*/lib/*"}}]}}"#,
        &[r#"{"detail": {"FilePath": "/usr/bin/a"}}"#],
        &[r#"{"detail": {"FilePath": "/usr/lib/a"}}"#],
    ),
    (
        r#"{"detail": {"FilePath": [{"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}}]}}"#,
        &[r#"{"detail": {"FilePath": "/usr/share/a"}}"#],
        &[r#"{"detail": {"FilePath": "/usr/bin/a"}}"#],
    ),
    // Numbers.
    (
        r#"{"detail": {"Price": [{"numeric": ["=", 100]}]}}"#,
        &[r#"{"detail": {"Price": 100}}"#, r#"{"detail": {"Price": 1.0e2}}"#],
        &[r#"{"detail": {"Price": "100"}}"#, r#"{"detail": {"Price": 100.000001}}"#],
    ),
    (
        r#"{"Price": [{"numeric": [">", 10, "<=", 20]}]}"#,
        &[r#"{"Price": 10.01}"#, r#"{"Price": 20}"#],
        &[r#"{"Price": 10}"#, r#"{"Price": 20.5}"#],
    ),
    (
        r#"{"Price": [{"numeric": [">=", -5.5]}]}"#,
        &[r#"{"Price": -5.5}"#, r#"{"Price": 5000000000}"#],
        &[r#"{"Price": -5.500001}"#, r#"{"Price": null}"#],
    ),
    // Addresses.
    (
        r#"{"detail": {"sourceIPAddress": [{"cidr": "10.0.0.0/24"}]}}"#,
        &[
            r#"{"detail": {"sourceIPAddress": "10.0.0.0"}}"#,
            r#"{"detail": {"sourceIPAddress": "10.0.0.255"}}"#,
        ],
        &[
            r#"{"detail": {"sourceIPAddress": "10.0.1.0"}}"#,
            r#"{"detail": {"sourceIPAddress": "10.0.0"}}"#,
        ],
    ),
    (
        r#"{"ip": [{"cidr": "2001:db8::/32"}]}"#,
        &[r#"{"ip": "2001:DB8::1"}"#, r#"{"ip": "2001:db8:ffff:0:0:0:0:1"}"#],
        &[r#"{"ip": "2001:db9::1"}"#, r#"{"ip": "10.0.0.1"}"#],
    ),
    // Exists.
    (
        r#"{"detail": {"state": [{"exists": true}]}}"#,
        &[r#"{"detail": {"state": "pending"}}"#, r#"{"detail": {"state": null}}"#],
        &[r#"{"detail": {"c-count": {"c1": 100}}}"#, r#"{"detail": {"state": {"c1": 100}}}"#],
    ),
    (
        r#"{"detail": {"c-count": [{"exists": false}]}}"#,
        &[
            r#"{"detail": {"state": "running"}}"#,
            // It works on leaves only.
            r#"{"detail": {"c-count": {"c1": 100}}}"#,
        ],
        &[r#"{"detail": {"c-count": 5}}"#],
    ),
    (
        r#"{"count": [{"exists": false}, "x"]}"#,
        &["{}", r#"{"count": "x"}"#],
        &[r#"{"count": "y"}"#],
    ),
    // Wildcards, with the escapes that the documents name.
    (
        r#"{"EventBusArn": [{"wildcard": "arn:aws:events:us-east-1:*:event-bus/*"}]}"#,
        &[r#"{"EventBusArn": "arn:aws:events:us-east-1:123456789012:event-bus/myEventBus"}"#],
        &[r#"{"EventBusArn": "arn:aws:events:us-west-2:123456789012:event-bus/myEventBus"}"#],
    ),
    (
        r#"{"FileName": [{"wildcard": "dir/*.png"}]}"#,
        &[r#"{"FileName": "dir/a.png"}"#, r#"{"FileName": "dir/sub/.png"}"#],
        &[r#"{"FileName": "dir/a.jpg"}"#, r#"{"FileName": "dir.png"}"#],
    ),
    (
        r#"{"key": [{"wildcard": "a\\*b\\\\*"}]}"#,
        &[r#"{"key": "a*b\\c"}"#],
        &[r#"{"key": "axb\\c"}"#, r#"{"key": "a*bc"}"#],
    ),
    (
        r#"{"key": [{"wildcard": "ab*ba"}]}"#,
        &[r#"{"key": "abba"}"#, r#"{"key": "ab-ba-ba"}"#],
        &[r#"{"key": "aba"}"#, r#"{"key": "abbab"}"#, r#"{"key": "xabba"}"#],
    ),
    // Several conditions on one field, and lists in events.
    (
        r#"{"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}], "x-limit": [{"anything-but": [100]}],
            "time": [{"prefix": "2017-10-02"}], "state": [{"anything-but": "initializing"}]}}"#,
        &[r#"{"detail": {"c-count": 1, "x-limit": 1, "time": "2017-10-02", "state": "up"}}"#],
        &[r#"{"detail": {"c-count": 1, "x-limit": 100, "time": "2017-10-02", "state": "up"}}"#],
    ),
    (
        r#"{"resources": ["arn:aws:ec2:us-east-1::image/ami-12345678"]}"#,
        &[
            r#"{"resources": ["arn:aws:ec2:us-east-1::image/ami-0", "arn:aws:ec2:us-east-1::image/ami-12345678"]}"#,
        ],
        &[r#"{"resources": []}"#],
    ),
];

#[test]
fn conditions_decide_as_documented() {
    for (pattern, matching, others) in AS_DOCUMENTED {
        let compiled: EventPattern = pattern.parse().unwrap_or_else(|error| panic!("{error}"));
        for (events, expected) in [(matching, true), (others, false)] {
            for event in *events {
                let value: Value = serde_json::from_str(event).expect("an event");
                assert_eq!(compiled.matches(&value), Ok(expected), "{pattern} on {event}");
            }
        }
    }
}

#[test]
fn conditions_decide_as_documented_below_a_detail_and_in_lists_too() {
    for (pattern, matching, others) in AS_DOCUMENTED {
        let deep = format!(r#"{{"detail": {{"deep": {pattern}}}}}"#);
        let compiled: EventPattern = deep.parse().expect("a pattern");
        for (events, expected) in [(matching, true), (others, false)] {
            for event in *events {
                let listed = format!(r#"{{"detail": {{"deep": [[{event}]]}}}}"#);
                let value: Value = serde_json::from_str(&listed).expect("an event");
                assert_eq!(compiled.matches(&value), Ok(expected), "{deep} on {listed}");
            }
        }
    }
}
