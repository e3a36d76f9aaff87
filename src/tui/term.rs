//! The terminal: taken over, and given back on every way out.

use std::io::{self, Stdout, Write};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};

use crossterm::cursor::Show;
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;

use crate::sys::signal;

/// True while this program has taken the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The thread that panicked first.
static PANICKED: OnceLock<String> = OnceLock::new();

/// The terminal while it is ours; dropping it gives it back.
pub struct Screen {
    /// Never dropped: it would show the cursor once more than we do, and panic where
    /// neither the terminal nor standard error is left to say that this failed.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal over: raw, the other screen, and with `mouse` its
    /// reports. From now on a panic in any thread gives it back first.
    ///
    /// # Errors
    /// When the terminal does not do it.
    pub fn take(mouse: bool) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                let thread = std::thread::current();
                drop(PANICKED.set(thread.name().unwrap_or("program").to_owned()));
                give_back();
                before(panic);
            }));
        });
        take_over(mouse)?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()));
        let terminal = terminal.inspect_err(|_| give_back())?;
        Ok(Self { terminal: ManuallyDrop::new(terminal), mouse })
    }

    /// Draws.
    ///
    /// # Errors
    /// When the terminal is gone, or a thread has panicked, which gave it back.
    pub fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<Buffer> {
        if let Some(thread) = PANICKED.get() {
            return Err(io::Error::other(format!("the {thread} has panicked")));
        }
        self.terminal.draw(draw).map(|done| done.buffer.clone())
    }

    /// Gives the terminal back, stops this process as the shell expects it of
    /// Ctrl-Z, and takes the terminal again when it goes on.
    ///
    /// # Errors
    /// When the terminal is gone by then.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        signal::stop_self();
        self.again()
    }

    /// Takes the terminal again, as after a stop that we did not see coming.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn again(&mut self) -> io::Result<()> {
        take_over(self.mouse)?;
        // Not `clear`: it asks for the cursor and waits for the answer.
        let size = self.terminal.size()?;
        self.terminal.resize(ratatui::layout::Rect::new(0, 0, size.width, size.height))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take_over(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen)?;
    if mouse {
        execute!(io::stdout(), EnableMouseCapture)?;
    }
    Ok(())
}

/// Gives the terminal back where it is ours; what fails here has no remedy.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        drop(execute!(io::stdout(), DisableMouseCapture, LeaveAlternateScreen, Show));
        drop(disable_raw_mode());
    }
}

/// Writes a screen as lines of text, for what stays in the scrollback.
///
/// # Errors
/// When standard output takes no more.
pub fn leave_behind(screen: &Buffer) -> io::Result<()> {
    let mut text = String::new();
    for y in screen.area.top()..screen.area.bottom() {
        let line: String = (screen.area.left()..screen.area.right())
            .filter_map(|x| screen.cell((x, y)).map(|cell| cell.symbol()))
            .collect();
        text += line.trim_end();
        text.push('\n');
    }
    io::stdout().write_all(text.trim_end().as_bytes())?;
    io::stdout().write_all(b"\n")
}
