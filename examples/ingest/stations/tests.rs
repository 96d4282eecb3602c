use super::*;

fn outage(text: &str) -> Outage {
    text.parse().unwrap()
}

#[tokio::test]
async fn an_outage_lasts_as_often_as_it_says_or_until_it_is_repaired() {
    let register = Unreliable::new(KnownStations, [outage("potsdam=2"), outage("brocken")]);
    let answers = async |station: &str| register.station(station).await.is_ok();
    for expected in [false, false, true, true] {
        assert_eq!(answers("potsdam").await, expected);
        assert!(!answers("brocken").await);
        assert!(answers("helgoland").await);
    }
    register.repair();
    assert!(answers("brocken").await);
}

#[tokio::test]
async fn a_station_that_nobody_registered_is_not_an_outage() {
    let register = Unreliable::new(KnownStations, []);
    assert_eq!(register.station("atlantis").await, Ok(None));
    let brocken = register.station("brocken").await.unwrap();
    assert_eq!(brocken, Some(Station { elevation: 1_134.0 }));
}

#[test]
fn an_outage_names_a_station_and_a_number() {
    for wrong in ["", "=3", "potsdam=often", "potsdam=-1"] {
        assert!(wrong.parse::<Outage>().is_err(), "{wrong:?}");
    }
}
