//! The pages that a person sees.

/// Buttons that a page has: what each is called, and what it says.
pub(super) type Button<'a> = (&'a str, &'a str);

/// A page with a form, which leads to where the page came from: `hidden` goes with it.
pub(super) fn form(title: &str, text: &str, hidden: &[(&str, &str)], asks: &[&str], buttons: &[Button<'_>]) -> String {
    let hidden = hidden.iter().map(|(name, value)| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value))
    });
    let asks = asks.iter().map(|name| {
        format!("<p><label>Code <input name=\"{}\" autocomplete=\"off\" autofocus></label>", escaped(name))
    });
    let buttons = buttons.iter().map(|(value, words)| {
        format!("<button name=\"decision\" value=\"{}\">{}</button> ", escaped(value), escaped(words))
    });
    let fields: String = hidden.chain(asks).chain(std::iter::once("<p>".to_owned())).chain(buttons).collect();
    page(title, &format!("<p>{}<form method=\"get\">{fields}</form>", escaped(text)))
}

/// A page that says something.
pub(super) fn words(title: &str, text: &str) -> String {
    page(title, &format!("<p>{}", escaped(text)))
}

/// A page that posts `fields` to `target` by itself, or by a button where scripts are off.
pub(super) fn post(target: &str, fields: &[(&str, String)]) -> String {
    let hidden = fields.iter().map(|(name, value)| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value))
    });
    let form = format!(
        "<form method=\"post\" action=\"{}\">{}<button>Go on</button></form><script>document.forms[0].submit()</script>",
        escaped(target),
        hidden.collect::<String>()
    );
    page("Signed in", &form)
}

fn page(title: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title} - local Microsoft Entra</title>\
         <body style=\"font:1.1em system-ui,sans-serif;max-width:30em;margin:4em auto;padding:0 1em\">\
         <h1>{title}</h1>{content}<p><small>The emulator of powerbi_push stands in for Microsoft Entra.</small>",
        title = escaped(title)
    )
}

/// A text in the place of one of HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(sign),
        }
    }
    escaped
}
