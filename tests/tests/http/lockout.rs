//! `POST /login` under attack: wrong passwords, many and from everywhere.

use authgent_tests::browser::Browser;
use authgent_tests::flow::EMAIL;
use authgent_tests::server::{PASSWORD, TestServer};
use futures_util::stream::{self, StreamExt as _};
use reqwest::StatusCode;
use std::time::{Duration, Instant};

/// Somebody at the sign-in page who can say from where he comes.
struct Visitor<'a> {
    server: &'a TestServer,
    cookies: String,
    csrf_token: String,
}

struct Outcome {
    status: StatusCode,
    text: String,
    wait: Option<i64>,
    device: Option<String>,
}

impl<'a> Visitor<'a> {
    async fn new(server: &'a TestServer) -> Self {
        let response = server.http.get(server.url("/login")).send().await.unwrap();
        let cookies = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let page = response.text().await.unwrap();
        let form = authgent_tests::html::Form::find(&page, "password").unwrap();
        Self { server, cookies, csrf_token: form.get("csrf_token").unwrap().to_owned() }
    }

    fn with_device(mut self, device: &str) -> Self {
        self.cookies = format!("{}; {device}", self.cookies);
        self
    }

    async fn tries(&self, from: &str, email: &str, password: &str) -> Outcome {
        let form = [("csrf_token", &*self.csrf_token), ("email", email), ("password", password)];
        let request = self.server.http.post(self.server.url("/login")).form(&form);
        let request = request.header("cookie", &self.cookies).header("x-forwarded-for", from);
        let response = request.send().await.unwrap();
        let cookies = response.headers().get_all("set-cookie").iter();
        let device = cookies.filter_map(|cookie| cookie.to_str().unwrap().split(';').next());
        let device = device.filter(|cookie| cookie.starts_with("authgent_device")).map(str::to_owned).next();
        let wait = response.headers().get("retry-after").map(|wait| wait.to_str().unwrap().parse().unwrap());
        let status = response.status();
        Outcome { status, wait, device, text: authgent_tests::html::text(&response.text().await.unwrap()) }
    }
}

async fn server() -> TestServer {
    let server = TestServer::setup().with("AUTHGENT_TRUSTED_PROXIES", "127.0.0.0/8 ::1").start().await.unwrap();
    server.add_user(EMAIL).await.unwrap();
    server
}

/// How many of 10 000 wrong passwords were looked at.
async fn attack(server: &TestServer, from: impl Fn(u32) -> String) -> usize {
    let attacker = Visitor::new(server).await;
    let attacker = &attacker;
    let tries = stream::iter(0..10_000).map(|n| {
        let from = from(n);
        async move { attacker.tries(&from, EMAIL, &format!("wrong {n}")).await.status }
    });
    let statuses: Vec<_> = tries.buffer_unordered(20).collect().await;
    assert!(statuses.iter().all(|status| [401, 429, 503].contains(&status.as_u16())), "nobody gets in");
    statuses.iter().filter(|status| **status == StatusCode::UNAUTHORIZED).count()
}

#[tokio::test]
async fn ten_thousand_wrong_passwords_from_many_addresses_do_not_keep_the_owner_out() {
    let server = server().await;
    let owner = Visitor::new(&server).await;
    let signed_in = owner.tries("198.51.100.7", EMAIL, PASSWORD).await;
    assert_eq!(signed_in.status, 303);
    let device = signed_in.device.unwrap();

    let looked_at = attack(&server, |n| format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255)).await;
    assert!(looked_at <= 15, "{looked_at} passwords were looked at");

    let attacker = Visitor::new(&server).await;
    let put_off = attacker.tries("203.0.113.99", EMAIL, PASSWORD).await;
    assert_eq!(put_off.status, 429, "not even the right one");
    assert!(put_off.wait.unwrap() > 0);
    let owner = owner.with_device(&device);
    assert_eq!(owner.tries("198.51.100.7", EMAIL, "a slip").await.status, 401, "a known device has tries of its own");
    assert_eq!(owner.tries("198.51.100.7", EMAIL, PASSWORD).await.status, 303);
    assert_eq!(attacker.tries("203.0.113.99", EMAIL, PASSWORD).await.status, 429, "which does the attacker no good");

    // The owner is told.
    let email = authgent_server::domain::Email::parse(EMAIL).unwrap();
    let user = server.store.user_by_email(&email).await.unwrap().unwrap();
    let events = server.store.events_of_user(user.id, None, 10).await.unwrap();
    assert!(events.iter().any(|event| event.kind == authgent_server::domain::EventKind::SignInBlocked));
}

#[tokio::test]
async fn ten_thousand_wrong_passwords_from_one_address_get_no_further() {
    let server = server().await;
    let looked_at = attack(&server, |_| "203.0.113.9".to_owned()).await;
    assert!(looked_at <= 15, "{looked_at} passwords were looked at");
    let other = Visitor::new(&server).await;
    // On a slow machine, a try has come back by now.
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(other.tries("203.0.113.9", "bob@example.com", "x").await.status.as_u16());
    }
    assert!(statuses.contains(&429), "the address is out of tries: {statuses:?}");
    assert_eq!(other.tries("198.51.100.7", "bob@example.com", "x").await.status, 401, "others are not");
}

#[tokio::test]
async fn a_patient_attacker_has_forty_tries_a_day() {
    let server = server().await;
    let attacker = Visitor::new(&server).await;
    let (mut looked_at, mut waited) = (0, 0);
    while waited < 86_400 {
        let outcome = attacker.tries(&format!("10.0.{}.{}", waited / 256 % 256, waited % 256), EMAIL, "wrong").await;
        match outcome.wait {
            Some(wait) => {
                waited += wait;
                server.clock.advance(wait);
            }
            None => looked_at += 1,
        }
    }
    assert!((30..=42).contains(&looked_at), "{looked_at}");
    server.clock.advance(90_000);
    let owner = attacker.tries("198.51.100.7", EMAIL, PASSWORD).await;
    assert_eq!(owner.status, 303, "a day after the attack everything is as before");
}

#[tokio::test]
async fn being_put_off_says_nothing_about_whether_there_is_an_account() {
    let server = server().await;
    let visitor = Visitor::new(&server).await;
    let mut seen = Vec::new();
    for (n, email) in [EMAIL, "nobody@example.com", "no address"].into_iter().enumerate() {
        let mut answers = Vec::new();
        for m in 0..8 {
            let outcome = visitor.tries(&format!("10.0.{n}.{m}"), email, "wrong").await;
            answers.push((outcome.status, outcome.wait, outcome.text));
        }
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    assert_eq!(seen[0][4].0, 401);
    assert_eq!(seen[0][7].0, 429);
}

#[tokio::test]
async fn neither_another_persons_device_nor_a_made_up_one_helps() {
    let server = server().await;
    server.add_user("mallory@example.com").await.unwrap();
    let mallory = Visitor::new(&server).await;
    let device = mallory.tries("10.1.0.1", "mallory@example.com", PASSWORD).await.device.unwrap();
    let ada = Visitor::new(&server).await.tries("10.1.0.2", EMAIL, PASSWORD).await.device.unwrap();
    for n in 0..6 {
        mallory.tries(&format!("10.0.0.{n}"), EMAIL, "wrong").await;
    }
    let (name, value) = ada.split_once('=').unwrap();
    let (nonce, entry) = value.split_once('.').unwrap();
    let other_nonce = device.split_once('=').unwrap().1.split('.').next().unwrap();
    // It begins with the time, whose first bits are 0.
    let flipped = "B";
    for forged in [
        device.clone(),
        format!("{name}={other_nonce}.{entry}"),
        format!("{name}={nonce}.{flipped}{}", &entry[1..]),
        format!("{name}={nonce}"),
        format!("{name}=...."),
    ] {
        let visitor = Visitor::new(&server).await.with_device(&forged);
        assert_eq!(visitor.tries("10.2.0.1", EMAIL, PASSWORD).await.status, 429, "{forged}");
    }
    let owner = Visitor::new(&server).await.with_device(&ada);
    let again = owner.tries("10.2.0.1", EMAIL, PASSWORD).await;
    assert_eq!(again.status, 303);
    server.clock.advance(200 * 86_400);
    for n in 0..6 {
        mallory.tries(&format!("10.3.0.{n}"), EMAIL, "wrong").await;
    }
    assert_eq!(owner.tries("10.2.0.1", EMAIL, PASSWORD).await.status, 429, "half a year later it is a stranger");
}

#[tokio::test]
async fn a_known_device_that_guesses_is_put_off_as_well() {
    let server = server().await;
    let owner = Visitor::new(&server).await;
    let device = owner.tries("10.1.0.1", EMAIL, PASSWORD).await.device.unwrap();
    let thief = Visitor::new(&server).await.with_device(&device);
    for n in 0..6 {
        thief.tries(&format!("10.0.0.{n}"), EMAIL, "wrong").await;
    }
    assert_eq!(thief.tries("10.0.0.9", EMAIL, PASSWORD).await.status, 429);
    let elsewhere = Visitor::new(&server).await;
    assert_eq!(elsewhere.tries("10.0.0.10", EMAIL, PASSWORD).await.status, 303, "he keeps nobody else out");
}

#[tokio::test]
async fn a_wrong_password_takes_as_long_for_an_account_that_does_not_exist() {
    let server = server().await;
    let visitor = Visitor::new(&server).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..5 {
        for (email, times) in [(EMAIL, &mut known), ("nobody@example.com", &mut unknown)] {
            let begin = Instant::now();
            assert_eq!(visitor.tries(&format!("10.0.0.{n}"), email, "wrong").await.status, 401);
            times.push(begin.elapsed());
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let (known, unknown) = (median(&mut known), median(&mut unknown));
    // A password that is not hashed takes a tenth of the time.
    assert!(known < unknown * 3 && unknown < known * 3, "{known:?} and {unknown:?}");
}

#[tokio::test]
async fn names_that_differ_in_case_or_form_are_one_account() {
    let server = server().await;
    server.add_user("jürgen@münchen.example").await.unwrap();
    for spelling in ["JÜRGEN@MÜNCHEN.EXAMPLE", "ju\u{308}rgen@xn--mnchen-3ya.example"] {
        let browser = Browser::new().unwrap();
        let page = browser.get(server.url("/login")).await.unwrap();
        let form = page.form("password").unwrap().with("email", spelling).with("password", PASSWORD);
        assert_eq!(browser.submit(&page, &form).await.unwrap().status, 303, "{spelling}");
    }
}
