use std::thread::sleep;

use super::*;
use tenebra_client::frame::HEADER_LEN;
use tenebra_client::{FrameError, KeyTag, Kind, SpecId, to_frame};

#[test]
fn addresses_and_names_are_checked_before_anything_is_sent() {
    for bad in ["", "http://", "ftp://host", "host:80"] {
        assert!(
            matches!(Service::new(bad, None), Err(ServiceError::Address { .. })),
            "{bad}"
        );
    }
    let service = Service::new("http://127.0.0.1:1/", Some("tnb_secret")).unwrap();
    for bad in ["", "..", "a/b", "a?b", "a#b", "a b", "A"] {
        assert!(
            matches!(service.client_spec(bad), Err(ServiceError::Name(_))),
            "{bad}"
        );
    }
    assert!(matches!(
        service.models(),
        Err(ServiceError::Transport { .. })
    ));
    let trusting = Service::trusting("https://127.0.0.1:1", None, b"no certificate");
    assert!(matches!(trusting, Err(ServiceError::Certificates)));
    assert!(!format!("{service:?}").contains("secret"));
}

/// A server that says nothing, one that says a byte a second, and one that never ends.
#[test]
fn requests_end_in_time_and_answers_are_bounded() {
    use std::io::Write;
    use std::net::TcpListener;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let silent = listener.accept().unwrap();
        let (mut slow, _) = listener.accept().unwrap();
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
        slow.write_all(head).unwrap();
        while slow.write_all(b"x").is_ok() {
            sleep(Duration::from_millis(50));
        }
        let (mut endless, _) = listener.accept().unwrap();
        endless.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        while endless.write_all(&[b'x'; 1 << 16]).is_ok() {}
        drop(silent);
    });
    let service = Service::new(&url, None).unwrap();
    let quick = service.clone().with_timeout(Duration::from_millis(300));
    for _ in 0..2 {
        let start = std::time::Instant::now();
        assert!(matches!(
            quick.client_spec("m"),
            Err(ServiceError::Transport { .. })
        ));
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    assert!(matches!(
        service.client_spec("m"),
        Err(ServiceError::Transport { .. })
    ));
}

#[test]
fn the_servers_time_is_read() {
    let time = evaluate_time("queue;dur=0.25, evaluate;dur=1.5");
    assert_eq!(time, Some(Duration::from_micros(1500)));
    for odd in ["", "evaluate", "evaluate;dur=-1", "evaluate;dur=x"] {
        assert_eq!(evaluate_time(odd), None, "{odd}");
    }
}

#[test]
fn batches_end_with_a_problem_where_one_stands() {
    let service = Service::new("http://127.0.0.1:1", None).unwrap();
    let frame = to_frame(Kind::Response, SpecId([1; 16]), KeyTag::NONE, b"abc");
    let problem = br#"{"type":"urn:tenebra:problem:malformed","title":"t","status":400,"detail":"d, and much more"}"#;
    let body = [frame.as_slice(), problem].concat();
    let mut reader = body.as_slice();
    assert_eq!(service.read_frame(&mut reader, 1, "/").unwrap(), frame);
    let error = service.read_frame(&mut reader, 2, "/").unwrap_err();
    assert!(matches!(error, ServiceError::Refused(problem) if problem.status == 400));
    let cut = service
        .read_frame(&mut &frame[..HEADER_LEN + 3], 1, "/")
        .unwrap_err();
    assert!(matches!(
        cut,
        ServiceError::Response {
            number: 1,
            source: FrameError::Length { .. }
        }
    ));
}
