//! One list of rules per suite, from which come the suite as a value, its documentation, and the
//! macro that makes tests of it.

/// `suite! { ($) ... }` defines `SUITE` and the exported macro. A macro that defines a macro needs a
/// dollar sign that is not its own: the `($)`.
macro_rules! suite {
    (
        ($d:tt)
        $suite:ident for $subject:ty, tested by $macro:ident;
        $( $module:ident: [ $( $rule:ident ),+ $(,)? ], )+
    ) => {
        /// The suite. Its rules:
        ///
        $( $( #[doc = concat!("- `", stringify!($rule), "`")] )+ )+
        pub static SUITE: $crate::testing::conformance::Suite<$subject> =
            $crate::testing::conformance::Suite {
                name: stringify!($suite),
                rules: &[ $( $(
                    $crate::testing::conformance::Rule::new(
                        stringify!($rule),
                        |subject| Box::pin($module::$rule(subject)),
                    ),
                )+ )+ ],
            };

        #[doc = concat!(
            "Makes a test of every rule of the suite [`", stringify!($suite),
            "`](mod@crate::testing::conformance::", stringify!($suite), ").",
        )]
        ///
        /// The argument is called for a future of a fresh implementation:
        /// `|| async { MyStore::open_temporary().await }`. Attributes before it replace
        /// `#[tokio::test]`, and `except: EXCEPTIONS` behind it names the rules that cannot be kept. See
        /// [`conformance`](crate::testing::conformance).
        #[macro_export]
        macro_rules! $macro {
            ($d( #[$d attribute:meta] )+ $d make:expr, except: $d exceptions:expr $d(,)?) => {
                $( $(
                    $d( #[$d attribute] )+
                    async fn $rule() {
                        $crate::testing::conformance::$suite::SUITE
                            .hold_rule_except(stringify!($rule), &$d exceptions, $d make)
                            .await;
                    }
                )+ )+
            };
            ($d( #[$d attribute:meta] )+ $d make:expr $d(,)?) => {
                $crate::$macro!($d( #[$d attribute] )+ $d make, except: []);
            };
            ($d make:expr, except: $d exceptions:expr $d(,)?) => {
                $crate::$macro!(#[tokio::test] $d make, except: $d exceptions);
            };
            ($d make:expr $d(,)?) => {
                $crate::$macro!(#[tokio::test] $d make, except: []);
            };
        }
    };
}
