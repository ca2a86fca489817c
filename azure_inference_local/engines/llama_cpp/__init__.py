"""Chats and text completions by llama.cpp in this process."""
