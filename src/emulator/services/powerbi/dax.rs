//! The two queries of DAX that the emulator answers: how many rows a table has, and some of them.
//!
//! ```text
//!  EVALUATE ROW("name", COUNTROWS('Table'))
//!  EVALUATE TOPN(10, 'Table')
//! ```
//!
//! Words in any case, space wherever it may be; a table's name in quotes, where a quote is written twice, or bare.

/// A query.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Query {
    /// How many rows there are, under this name.
    Count { name: String, table: String },
    /// So many rows.
    Top { most: usize, table: String },
}

impl Query {
    /// Reads one; `None` where it is another.
    pub(super) fn read(dax: &str) -> Option<Self> {
        let mut text = Text(dax);
        text.word("EVALUATE")?;
        let query = if text.word("ROW").is_some() {
            text.sign('(')?;
            let name = text.between('"')?;
            text.sign(',')?;
            text.word("COUNTROWS")?;
            text.sign('(')?;
            let table = text.table()?;
            text.sign(')')?;
            Self::Count { name, table }
        } else {
            text.word("TOPN")?;
            text.sign('(')?;
            let most = text.number()?;
            text.sign(',')?;
            Self::Top { most, table: text.table()? }
        };
        text.sign(')')?;
        text.0.trim().is_empty().then_some(query)
    }
}

/// What is left to be read.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn word(&mut self, word: &str) -> Option<()> {
        let (head, rest) = self.0.trim_start().split_at_checked(word.len())?;
        let ends = !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        (head.eq_ignore_ascii_case(word) && ends).then(|| self.0 = rest)
    }

    fn sign(&mut self, sign: char) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(sign)?;
        Some(())
    }

    /// What stands between two quotes; one that is written twice is meant.
    fn between(&mut self, quote: char) -> Option<String> {
        self.sign(quote)?;
        let mut name = String::new();
        let mut letters = self.0.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            if letter != quote {
                name.push(letter);
            } else if letters.next_if(|(_, next)| *next == quote).is_some() {
                name.push(quote);
            } else {
                self.0 = &self.0[at + 1..];
                return Some(name);
            }
        }
        None
    }

    fn table(&mut self) -> Option<String> {
        if self.0.trim_start().starts_with('\'') {
            return self.between('\'');
        }
        self.run(|letter| letter.is_alphanumeric() || letter == '_')
    }

    fn number(&mut self) -> Option<usize> {
        self.run(|letter| letter.is_ascii_digit())?.parse().ok()
    }

    fn run(&mut self, belongs: impl Fn(char) -> bool) -> Option<String> {
        let text = self.0.trim_start();
        let (run, rest) = text.split_at(text.find(|letter| !belongs(letter)).unwrap_or(text.len()));
        self.0 = rest;
        (!run.is_empty()).then(|| run.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_queries_are_read_however_they_are_written() {
        let count = |name: &str, table: &str| Some(Query::Count { name: name.into(), table: table.into() });
        let top = |most, table: &str| Some(Query::Top { most, table: table.into() });
        assert_eq!(Query::read("EVALUATE ROW(\"count\", COUNTROWS('Orders'))"), count("count", "Orders"));
        assert_eq!(Query::read(" evaluate\n row ( \"a \"\"b\"\"\" ,countrows( It_1 ) ) "), count("a \"b\"", "It_1"));
        assert_eq!(Query::read("EVALUATE TOPN(10, 'It''s (1), fine')"), top(10, "It's (1), fine"));
        assert_eq!(Query::read("EVALUATE TOPN(0,'😀')"), top(0, "😀"));
    }

    #[test]
    fn every_other_query_is_none() {
        for dax in [
            "",
            "EVALUATE",
            "EVALUATE 'Orders'",
            "EVALUATE TOPN(10, 'Orders'), 1)",
            "EVALUATE TOPN(-1, 'Orders')",
            "EVALUATE TOPN(10, 'Orders', 'Orders'[Id])",
            "EVALUATE TOPN(10, 'Orders",
            "EVALUATE ROW(\"count\", COUNTROWS('Orders')) ORDER BY [count]",
            "EVALUATEROW(\"count\", COUNTROWS('Orders'))",
            "SELECT 1",
        ] {
            assert_eq!(Query::read(dax), None, "{dax}");
        }
    }
}
