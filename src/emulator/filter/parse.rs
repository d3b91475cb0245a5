//! From tokens to a condition, each operand held to its type.

use super::token::{Token, split, syntax, wrong};
use super::{Flag, Text};
use crate::emulator::refusal::Refusal;

/// Conditions within conditions that are read; a stack has an end.
const MAX_DEPTH: usize = 100;

/// Reads a whole filter, which must be true or false of a workspace.
pub(super) fn condition(text: &str) -> Result<Flag, Refusal> {
    let mut parser = Parser { text, tokens: split(text)?, at: 0, depth: 0 };
    let read = parser.either()?;
    if *parser.token() != Token::End {
        return Err(parser.unexpected());
    }
    match read {
        Operand::Flag(flag) => Ok(flag),
        Operand::Text(_) => Err(wrong("The $filter expression must evaluate to a single boolean value.".into())),
    }
}

/// Something with a value.
enum Operand {
    Text(Text),
    Flag(Flag),
}

impl Operand {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "Edm.String",
            Self::Flag(_) => "Edm.Boolean",
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn token(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn unexpected(&self) -> Refusal {
        syntax(self.text, self.tokens[self.at].1)
    }

    /// Takes the next token if it is this one.
    fn takes(&mut self, token: &Token) -> bool {
        let found = self.token() == token;
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(&Token::Word(word.to_owned()))
    }

    fn expects(&mut self, token: &Token) -> Result<(), Refusal> {
        if self.takes(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn either(&mut self) -> Result<Operand, Refusal> {
        let mut left = self.both()?;
        while self.takes_word("or") {
            let (one, other) = flags(left, self.both()?, "Or")?;
            left = Operand::Flag(Flag::Either(one, other));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Operand, Refusal> {
        let mut left = self.comparison()?;
        while self.takes_word("and") {
            let (one, other) = flags(left, self.comparison()?, "And")?;
            left = Operand::Flag(Flag::Both(one, other));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Operand, Refusal> {
        let mut left = self.unary()?;
        loop {
            let is_equal = self.takes_word("eq");
            if !is_equal && !self.takes_word("ne") {
                return Ok(left);
            }
            let kind = if is_equal { "Equal" } else { "NotEqual" };
            let same = match (left, self.unary()?) {
                (Operand::Text(one), Operand::Text(other)) => Flag::SameText(one, other),
                (one, other) => {
                    let (one, other) = flags(one, other, kind)?;
                    Flag::Agree(one, other)
                }
            };
            left = Operand::Flag(if is_equal { same } else { Flag::Not(Box::new(same)) });
        }
    }

    fn unary(&mut self) -> Result<Operand, Refusal> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(wrong("Recursion depth exceeded allowed limit.".into()));
        }
        let read = if self.takes_word("not") {
            match self.unary()? {
                Operand::Flag(flag) => Operand::Flag(Flag::Not(Box::new(flag))),
                text @ Operand::Text(_) => return Err(unary_type(&text)),
            }
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(read)
    }

    fn primary(&mut self) -> Result<Operand, Refusal> {
        let token = self.token().clone();
        let unexpected = self.unexpected();
        self.at += usize::from(token != Token::End);
        match token {
            Token::Quoted(text) => Ok(Operand::Text(Text::Literal(text))),
            Token::Open => {
                let inner = self.either()?;
                self.expects(&Token::Close)?;
                Ok(inner)
            }
            Token::Word(name) if self.takes(&Token::Open) => self.call(&name),
            Token::Word(name) => property(&name),
            Token::Close | Token::Comma | Token::End => Err(unexpected),
        }
    }

    /// The rest of `name(`.
    fn call(&mut self, name: &str) -> Result<Operand, Refusal> {
        let mut arguments = vec![self.either()?];
        while self.takes(&Token::Comma) {
            arguments.push(self.either()?);
        }
        self.expects(&Token::Close)?;
        let types: Vec<&str> = arguments.iter().map(Operand::type_name).collect();
        let types = types.join(", ");
        let mut texts = arguments.into_iter().filter_map(|argument| match argument {
            Operand::Text(text) => Some(text),
            Operand::Flag(_) => None,
        });
        let (first, second) = (texts.next(), texts.next());
        match (name, types.as_str(), first, second) {
            ("contains", "Edm.String, Edm.String", Some(a), Some(b)) => Ok(Operand::Flag(Flag::Contains(a, b))),
            ("startswith", "Edm.String, Edm.String", Some(a), Some(b)) => Ok(Operand::Flag(Flag::StartsWith(a, b))),
            ("endswith", "Edm.String, Edm.String", Some(a), Some(b)) => Ok(Operand::Flag(Flag::EndsWith(a, b))),
            ("tolower", "Edm.String", Some(text), None) => Ok(Operand::Text(Text::Lower(Box::new(text)))),
            ("toupper", "Edm.String", Some(text), None) => Ok(Operand::Text(Text::Upper(Box::new(text)))),
            ("contains" | "startswith" | "endswith" | "tolower" | "toupper", ..) => {
                Err(wrong(format!("No function signature for the function with name '{name}' matches ({types}).")))
            }
            _ => Err(wrong(format!("An unknown function with name '{name}' was found."))),
        }
    }
}

/// A property of a workspace, or a literal that is a word.
fn property(name: &str) -> Result<Operand, Refusal> {
    Ok(match name {
        "id" => Operand::Text(Text::Id),
        "name" => Operand::Text(Text::Name),
        "isReadOnly" => Operand::Flag(Flag::IsReadOnly),
        "isOnDedicatedCapacity" => Operand::Flag(Flag::IsOnDedicatedCapacity),
        "true" => Operand::Flag(Flag::Literal(true)),
        "false" => Operand::Flag(Flag::Literal(false)),
        _ => {
            let message = "Could not find a property named";
            let type_name = "Microsoft.PowerBI.ServiceContracts.Api.Group";
            return Err(wrong(format!("{message} '{name}' on type '{type_name}'.")));
        }
    })
}

fn flags(left: Operand, right: Operand, operator: &str) -> Result<(Box<Flag>, Box<Flag>), Refusal> {
    let types = (left.type_name(), right.type_name());
    match (left, right) {
        (Operand::Flag(left), Operand::Flag(right)) => Ok((Box::new(left), Box::new(right))),
        _ => Err(wrong(format!(
            "A binary operator with incompatible types was detected. Found operand types '{}' and '{}' for operator kind \
             '{operator}'.",
            types.0, types.1
        ))),
    }
}

fn unary_type(operand: &Operand) -> Refusal {
    wrong(format!(
        "A unary operator with an incompatible type was detected. Found operand type '{}' for operator kind 'Not'.",
        operand.type_name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_condition_is_refused_and_said_where() {
        let types = "A binary operator with incompatible types was detected. Found operand types";
        let unary = "A unary operator with an incompatible type was detected. Found operand type";
        let type_name = "Microsoft.PowerBI.ServiceContracts.Api.Group";
        for (filter, message) in [
            ("", "Syntax error at position 0 in ''.".into()),
            ("name eq", "Syntax error at position 7 in 'name eq'.".into()),
            ("name eq 'x", "There is an unterminated string literal at position 8 in 'name eq 'x'.".into()),
            ("name eq 'It's'", "Syntax error at position 12 in 'name eq 'It's''.".into()),
            ("name eq'x'", "Syntax error at position 7 in 'name eq'x''.".into()),
            ("name = 'x'", "Syntax error at position 5 in 'name = 'x''.".into()),
            ("name eq \"x\"", "Syntax error at position 8 in 'name eq \"x\"'.".into()),
            ("(name eq 'x'", "Syntax error at position 12 in '(name eq 'x''.".into()),
            ("name eq 'x')", "Syntax error at position 11 in 'name eq 'x')'.".into()),
            ("name eq 'x' name", "Syntax error at position 12 in 'name eq 'x' name'.".into()),
            ("name eq 'x' and", "Syntax error at position 15 in 'name eq 'x' and'.".into()),
            ("contains(name,)", "Syntax error at position 14 in 'contains(name,)'.".into()),
            ("name", "The $filter expression must evaluate to a single boolean value.".into()),
            ("Name eq 'x'", format!("Could not find a property named 'Name' on type '{type_name}'.")),
            ("name EQ 'x'", "Syntax error at position 5 in 'name EQ 'x''.".into()),
            ("name eq 1", format!("Could not find a property named '1' on type '{type_name}'.")),
            ("substringof('x',name)", "An unknown function with name 'substringof' was found.".into()),
            (
                "contains(name)",
                "No function signature for the function with name 'contains' matches (Edm.String).".into(),
            ),
            (
                "contains(true,name,name)",
                "No function signature for the function with name 'contains' matches (Edm.Boolean, Edm.String, Edm.String)."
                    .into(),
            ),
            ("name eq true", format!("{types} 'Edm.String' and 'Edm.Boolean' for operator kind 'Equal'.")),
            ("isReadOnly ne 'true'", format!("{types} 'Edm.Boolean' and 'Edm.String' for operator kind 'NotEqual'.")),
            ("name and isReadOnly", format!("{types} 'Edm.String' and 'Edm.Boolean' for operator kind 'And'.")),
            ("isReadOnly or name", format!("{types} 'Edm.Boolean' and 'Edm.String' for operator kind 'Or'.")),
            ("not name eq 'x'", format!("{unary} 'Edm.String' for operator kind 'Not'.")),
        ] {
            assert_eq!(condition(filter).unwrap_err().message, message, "{filter}");
        }
    }

    #[test]
    fn a_filter_has_no_bottom_but_the_parser_does() {
        let nested = |depth: usize| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(condition(&nested(99)).unwrap(), Flag::Literal(true));
        let message = "Recursion depth exceeded allowed limit.";
        for deep in [nested(100), "(".repeat(100_000), "not ".repeat(100_000)] {
            assert_eq!(condition(&deep).unwrap_err().message, message);
        }
    }
}
