use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What is in no sentence about a body that has it.
const ADA: &str = "Ada Example";

fn of(event_type: &str, payload: Value) -> Result<UserCommand, InvalidRequest> {
    let body = json!({ "user_id": "u-1", "event_type": event_type, "payload": payload });
    CommandRequest::of(&body).map(|request| request.command)
}

fn cents(cents: u64) -> Money {
    Money::cents(cents).unwrap()
}

#[test]
fn every_event_type_takes_its_payload() {
    let (name, email) = (Name::new(ADA).unwrap(), Email::new("a@b").unwrap());
    let created = of("USER_CREATED", json!({ "name": ADA, "email": "a@b" }));
    assert_eq!(created, Ok(UserCommand::Create { name: name.clone(), email: email.clone() }));
    let renamed = of("USER_NAME_CHANGED", json!({ "name": ADA }));
    assert_eq!(renamed, Ok(UserCommand::ChangeName(name)));
    let moved = of("USER_EMAIL_CHANGED", json!({ "email": "a@b" }));
    assert_eq!(moved, Ok(UserCommand::ChangeEmail(email)));
    let amount = json!({ "amount": 1250 });
    assert_eq!(of("BALANCE_CREDITED", amount.clone()), Ok(UserCommand::Credit(cents(1250))));
    assert_eq!(of("BALANCE_DEBITED", amount), Ok(UserCommand::Debit(cents(1250))));
    assert_eq!(of("USER_DEACTIVATED", json!({})), Ok(UserCommand::Deactivate));
    let without = json!({ "user_id": "u-1", "event_type": "USER_DEACTIVATED" });
    assert_eq!(CommandRequest::of(&without).map(|it| it.command), Ok(UserCommand::Deactivate));
}

#[test]
fn what_is_wrong_is_said_without_what_was_given() {
    let name_and_email = json!({ "name": ADA, "email": "a@b" });
    let wrong = [
        (json!(ADA), "the body is not a JSON object"),
        (json!([ADA]), "the body is not a JSON object"),
        (json!({ "user_id": { ADA: 1 } }), "user_id is missing, or no text"),
        (json!({ "user_id": "u" }), "event_type is missing, or no text"),
        (
            json!({ "user_id": "u", "event_type": ADA }),
            "event_type: it is not an event type; there are USER_CREATED, USER_NAME_CHANGED, \
             USER_EMAIL_CHANGED, BALANCE_CREDITED, BALANCE_DEBITED, USER_DEACTIVATED",
        ),
        (json!({ "user_id": "u", ADA: 1 }), "it takes user_id, event_type, payload"),
        (json!({ "user_id": "u", "event_type": "USER_CREATED" }), "payload is not a JSON object"),
    ];
    for (body, sentence) in wrong {
        let said = CommandRequest::of(&body).unwrap_err().to_string();
        assert!(said.contains(sentence) && !said.contains(ADA), "{body}: {said}");
    }
    let wrong = [
        ("USER_CREATED", json!(ADA), "payload is not a JSON object"),
        ("USER_CREATED", json!({ "name": ADA }), "payload.email is missing, or no text"),
        ("USER_CREATED", json!({ "name": 7, "email": ADA }), "payload.name is missing, or no text"),
        ("USER_CREATED", json!({ "name": ADA, "email": ADA }), "payload.email: it is longer"),
        ("USER_NAME_CHANGED", json!({ "name": format!("{ADA}\n") }), "payload.name: it is blank"),
        ("USER_NAME_CHANGED", name_and_email.clone(), "payload has a field that is not known"),
        ("USER_DEACTIVATED", name_and_email, "it takes none"),
        ("USER_DEACTIVATED", json!({ "none": ADA }), "it takes none"),
        ("USER_DEACTIVATED", Value::Null, "payload is not a JSON object"),
    ];
    for (event_type, payload, sentence) in wrong {
        let said = of(event_type, payload).unwrap_err().to_string();
        assert!(said.contains(sentence) && !said.contains(ADA), "{event_type}: {said}");
    }
}

#[test]
fn an_amount_is_a_number_of_whole_cents_and_never_rounded() {
    for amount in ["-1", "-0", "0.5", "12.50", "1e2", "1.0", "\"1\"", "null", "true", "[1]", "{}"] {
        let amount: Value = serde_json::from_str(amount).unwrap();
        let refused = of("BALANCE_CREDITED", json!({ "amount": amount }));
        assert_eq!(refused, Err(InvalidRequest::NotMoney), "{amount}");
    }
    for amount in ["9007199254740992", "18446744073709551616", "1e400"] {
        let Ok(amount) = serde_json::from_str::<Value>(amount) else { continue };
        let refused = of("BALANCE_DEBITED", json!({ "amount": amount }));
        assert_eq!(refused, Err(InvalidRequest::NotMoney), "{amount}");
    }
    let most = of("BALANCE_DEBITED", json!({ "amount": Money::MAX.as_cents() }));
    assert_eq!(most, Ok(UserCommand::Debit(Money::MAX)));
}

proptest! {
    /// Whatever a text is refused for, the text is in none of the sentences.
    #[test]
    fn no_text_of_a_body_comes_back(text in "#[a-zA-Z@ \\n]{8,30}#", field in 0..4) {
        let payload = match field {
            0 => json!({ "name": text, "email": "#" }),
            1 => json!({ "name": "\n", "email": text }),
            2 => json!({ &text: 1 }),
            _ => json!(text),
        };
        for event_type in EventType::ALL {
            if let Err(refused) = of(event_type.as_str(), payload.clone()) {
                let said = format!("{refused} {refused:?}");
                prop_assert!(!said.contains(&text), "{}", said);
            }
        }
    }
}
