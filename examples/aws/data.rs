use clap::Args;

use super::ConnectionArguments;

/// Which data on AWS, and whether it is made.
#[derive(Debug, Clone, Args)]
pub struct DataArguments {
    /// Where it is.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// What the names of the tables, and of all else that there is on AWS, begin with [default: the program's name
    /// and a hyphen]
    #[arg(long, global = true, value_name = "PREFIX")]
    pub table_prefix: Option<String>,
    /// Make what is missing [default: with --endpoint-url, by what writes]
    #[arg(long, global = true)]
    pub create: bool,
}

impl DataArguments {
    /// The flag of the first argument that was given, if any was.
    pub fn given(&self) -> Option<&'static str> {
        let prefix = self.table_prefix.as_ref().map(|_| "--table-prefix");
        self.connection.given().or(prefix).or(self.create.then_some("--create"))
    }

    /// What the names begin with, of the data of this program.
    pub fn prefix(&self, program: &str) -> String {
        self.table_prefix.clone().unwrap_or_else(|| format!("{program}-"))
    }

    /// Whether what is missing is made by what writes: a local server has nothing at first.
    pub fn makes(&self) -> bool {
        self.create || self.connection.endpoint_url.is_some()
    }
}
