//! What a bucket tells of its objects, and whom: a document of S3 that can only be put as a whole.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

/// The bucket's configuration, and with it that the topic is told of all new objects; `None` when it is told of them
/// already. Whoever else is told stays told.
///
/// # Errors
///
/// When the configuration is none.
pub(super) fn with_topic(
    configuration: &str,
    topic_arn: &str,
) -> Result<Option<String>, quick_xml::Error> {
    if tells(configuration, topic_arn)? {
        return Ok(None);
    }
    let ours = format!(
        "<TopicConfiguration><Id>ingest-{}</Id><Topic>{}</Topic><Event>{ALL_NEW}</Event>\
         </TopicConfiguration>",
        escape(topic_arn.rsplit(':').next().unwrap_or_default()),
        escape(topic_arn)
    );
    let mut reader = Reader::from_str(configuration);
    loop {
        let is_empty = match reader.read_event()? {
            Event::Start(_) => false,
            Event::Empty(_) => true,
            // A bucket that was never configured may say nothing at all.
            Event::Eof => {
                let name = "NotificationConfiguration";
                return Ok(Some(format!("<{name}>{ours}</{name}>")));
            }
            _ => continue,
        };
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let (root, rest) = configuration.split_at_checked(at).unwrap_or((configuration, ""));
        return Ok(Some(match is_empty {
            false => format!("{root}{ours}{rest}"),
            true => {
                let root = root.trim_end_matches("/>");
                format!("{root}>{ours}</NotificationConfiguration>{rest}")
            }
        }));
    }
}

const ALL_NEW: &str = "s3:ObjectCreated:*";

/// Whether the topic is told of all new objects.
fn tells(configuration: &str, topic_arn: &str) -> Result<bool, quick_xml::Error> {
    let mut reader = Reader::from_str(configuration);
    let mut path: Vec<String> = Vec::new();
    let (mut is_ours, mut is_of_all, mut is_filtered) = (false, false, false);
    loop {
        match reader.read_event()? {
            Event::Start(element) => {
                let name = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
                match name.as_str() {
                    "TopicConfiguration" => {
                        (is_ours, is_of_all, is_filtered) = (false, false, false);
                    }
                    "FilterRule" => is_filtered = true,
                    _ => {}
                }
                path.push(name);
            }
            Event::Text(text) => {
                let text = String::from_utf8_lossy(&text).trim().to_owned();
                match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                    [_, "TopicConfiguration", "Topic"] => is_ours = text == topic_arn,
                    [_, "TopicConfiguration", "Event"] => is_of_all |= text == ALL_NEW,
                    _ => {}
                }
            }
            Event::End(_) => {
                let ended = path.pop();
                if ended.as_deref() == Some("TopicConfiguration")
                    && is_ours
                    && is_of_all
                    && !is_filtered
                {
                    return Ok(true);
                }
            }
            Event::Eof => return Ok(false),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:submissions";
    const QUEUE: &str = "<QueueConfiguration><Id>theirs</Id><Queue>arn:aws:sqs:eu-central-1:1:q</Queue>\
        <Event>s3:ObjectRemoved:*</Event></QueueConfiguration>";

    fn configuration(content: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<NotificationConfiguration \
             xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{content}</NotificationConfiguration>"
        )
    }

    fn topic(arn: &str, event: &str, more: &str) -> String {
        format!(
            "<TopicConfiguration><Id>x</Id><Topic>{arn}</Topic><Event>{event}</Event>{more}\
             </TopicConfiguration>"
        )
    }

    #[test]
    fn whoever_else_is_told_stays_told() {
        let other = topic("arn:aws:sns:eu-central-1:123456789012:others", ALL_NEW, "");
        let some = topic(TOPIC, "s3:ObjectCreated:Put", "");
        let filter = "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>a</Value></FilterRule>\
                      </S3Key></Filter>";
        let filtered = topic(TOPIC, ALL_NEW, filter);
        for theirs in [QUEUE, &other, &some, &filtered, &format!("{QUEUE}{other}"), ""] {
            let added = with_topic(&configuration(theirs), TOPIC).unwrap().unwrap();
            assert!(added.contains(theirs), "{added}");
            assert_eq!(added.matches("<NotificationConfiguration").count(), 1, "{added}");
            assert_eq!(with_topic(&added, TOPIC).unwrap(), None, "now it is told: {added}");
        }
    }

    #[test]
    fn a_bucket_that_tells_nobody_tells_the_topic_then() {
        for nobody in
            ["", "<NotificationConfiguration/>", "<NotificationConfiguration xmlns=\"x\" />"]
        {
            let added = with_topic(nobody, TOPIC).unwrap().unwrap();
            assert_eq!(with_topic(&added, TOPIC).unwrap(), None, "{added}");
        }
        assert!(with_topic("<NotificationConfiguration><a></b>", TOPIC).is_err());
    }
}
