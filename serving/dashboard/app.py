"""What Streamlit runs at each visit and each change of a switch."""

from serving.dashboard.page import show

show()
