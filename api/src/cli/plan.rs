//! `lastseat plan`: draws plans on a running server.

use super::load::buyers::Tokens;
use super::load::client::{NoAnswer, Target};
use super::terminal::{Paint, complain, say, thousands};
use crate::auth::Role;
use crate::config::Config;
use crate::exit;
use bytes::Bytes;
use lastseat_domain::PlanId;
use serde::Deserialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `plan` can do.
#[derive(Debug, clap::Subcommand)]
pub enum PlanVerb {
    /// Draw a seating plan out of a file, lastseat's or pretix's JSON, and print what was understood
    Import(Import),
}

/// Arguments of `plan import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  lastseat plan import house.pretix.json --plan house

The file has lastseat's JSON of a plan (`areas`), or a seating plan as pretix stores it (`zones`). A
plan that there is gets a further revision; shows stay on theirs. The same file again changes nothing.
The server is asked as a manager, with a token that the key in --data signs.

Exit status: 0 the plan is there, 2 wrong use, or the plan was refused, 3 the server can't be reached.")]
pub struct Import {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The plan's id [default: the file's, or made from the plan's name]
    #[arg(long, value_name = "PLAN", value_parser = |text: &str| PlanId::new(text).map_err(|e| e.to_string()))]
    plan: Option<PlanId>,
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Print the server's answer, JSON
    #[arg(long)]
    json: bool,
}

/// What the server has understood.
#[derive(Debug, Deserialize)]
struct Summary {
    plan: String,
    revision: u32,
    name: String,
    seats: u64,
    rows: u64,
    sections: Vec<String>,
    categories: Vec<Category>,
    #[serde(default)]
    not_taken_over: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Category {
    category: String,
    name: Option<String>,
    seats: u64,
}

pub async fn run(verb: &PlanVerb, config: &Config) -> ExitCode {
    let PlanVerb::Import(args) = verb;
    match import(args, config).await {
        Ok(()) => exit::CLEAN.into(),
        Err(Failed::Usage(line)) => {
            complain(&line);
            exit::USAGE.into()
        }
        Err(Failed::Unreachable(error)) => {
            complain(&format!("{error}; start the server with `lastseat serve`, or name it with --url"));
            exit::UNREADABLE.into()
        }
    }
}

/// Why a plan was not drawn.
enum Failed {
    Usage(String),
    Unreachable(NoAnswer),
}

impl From<String> for Failed {
    fn from(line: String) -> Self {
        Self::Usage(line)
    }
}

impl From<NoAnswer> for Failed {
    fn from(error: NoAnswer) -> Self {
        Self::Unreachable(error)
    }
}

async fn import(args: &Import, config: &Config) -> Result<(), Failed> {
    let body = std::fs::read(&args.file).map_err(|error| format!("{} can't be read: {error}", args.file.display()))?;
    if body.is_empty() {
        return Err(format!("{} is empty", args.file.display()).into());
    }
    let token = Tokens::read(config)?.of("plan-import", Role::Manager)?;
    let mut connection = Target::find(&args.url).await?.connect().await?;
    let path = args.plan.as_ref().map_or_else(|| "/v1/plans".to_owned(), |plan| format!("/v1/plans?plan={plan}"));
    let answer = connection.post(&path, Some(&token), Bytes::from(body)).await?;
    if !answer.status.is_success() {
        return Err(answer.problem().into());
    }
    if args.json {
        say(String::from_utf8_lossy(&answer.body).trim_end());
        return Ok(());
    }
    let is_new = answer.status.as_u16() == 201;
    say(&describe(&answer.json::<Summary>()?, is_new, Paint::stdout()));
    Ok(())
}

fn describe(summary: &Summary, is_new: bool, paint: Paint) -> String {
    let Summary { plan, revision, name, seats, rows, sections, categories, not_taken_over } = summary;
    let done = if is_new { "drawn" } else { "there already" };
    let mut lines = vec![
        format!("{} revision {revision} of plan {plan}, {done}", paint.bold(name)),
        format!("  sections    {}", sections.join(", ")),
        format!("  rows        {rows}"),
        format!("  seats       {}", thousands(*seats)),
    ];
    for category in categories {
        let name = category.name.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
        lines.push(format!("  category    {}  {}{name}", category.category, thousands(category.seats)));
    }
    if !not_taken_over.is_empty() {
        lines.push(paint.yellow("  Not taken over:"));
        lines.extend(not_taken_over.iter().map(|what| format!("    {what}")));
    }
    lines.join("\n")
}
