def demangle(n: str) -> str: return n
