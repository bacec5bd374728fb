"""The desktop application (PySide6). Imports neither torch nor gensim: the model lives in a child process."""
