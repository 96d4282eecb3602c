use super::*;

#[test]
fn an_answer_that_says_success_is_its_body() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(read(answer).expect("a body"), "{}");
}

#[test]
fn a_refusal_says_what_the_server_says() {
    let answer =
        "HTTP/1.1 400 Bad Request\r\n\r\n<Message>Stack with id a does not exist</Message>";
    let error = read(answer).expect_err("a refusal");
    assert!(error.says("does not exist"));
    assert!(error.to_string().starts_with("the local server refuses (400): <Message>Stack"));
}

#[test]
fn what_is_no_http_is_told() {
    for answer in ["", "HTTP/1.1 200 OK", "SSH-2.0-x\r\n\r\n"] {
        assert!(matches!(read(answer), Err(Error::Unreadable(_))), "{answer:?}");
    }
}

#[test]
fn elements_are_found_with_their_text() {
    let xml = "<a><Key>one</Key><Value>1 &lt; 2 &amp;amp;</Value></a><a><Key>two</Key></a>";
    let found = elements(xml, "a");
    assert_eq!(found.len(), 2);
    assert_eq!(text_of(found[0], "Value"), "1 < 2 &amp;");
    assert_eq!(text_of(found[1], "Value"), "");
}
