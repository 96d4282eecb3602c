use es_core::Event;

#[derive(Event)]
#[event(prefix = "A")]
#[serde(rename = "B", rename_all = "camelCase", untagged, rename_all_fields)]
enum AnEvent {
    #[serde(rename = "Begun", alias = "Began", skip, rename_all(both = "camelCase"))]
    Started { field: u8 },
    #[serde(rename_all = "camelCase", other)]
    Newtype(u8),
}

fn main() {}
