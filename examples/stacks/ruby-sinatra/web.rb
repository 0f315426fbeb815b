require 'sinatra'

get('/') { "hello from the stack\n" }
